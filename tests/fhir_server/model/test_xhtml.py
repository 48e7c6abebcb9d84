import pytest

from fhir_server.model.xhtml import NoNarrative, parse, problem, text_of


def div(inside: str, attributes: str = "") -> str:
    return f'<div xmlns="http://www.w3.org/1999/xhtml"{attributes}>{inside}</div>'


@pytest.mark.parametrize(
    "inside",
    [
        "text",
        "<p>a<br/>b</p><table><tbody><tr><td colspan='2'>x</td></tr></tbody></table>",
        "<a href='https://example.org/'>a</a><a href='mailto:x@example.org'>b</a><a href='#top' name='n'>c</a>",
        "<a href='Patient/1'>d</a>",
        "<img src='#pic' alt='x'/>",
        "<img src='data:image/png;base64,AAAA'/>",
        "<span style='color: red' class='c' title='t' xml:lang='nl'>x</span>",
        "a &amp; b &lt;script&gt;",
    ],
)
def test_allowed(inside: str) -> None:
    assert problem(div(inside)) is None


@pytest.mark.parametrize(
    "inside",
    [
        "<script>x</script>",
        "<SCRIPT>x</SCRIPT>",
        "<p onclick='x'>a</p>",
        "<p onClick='x'>a</p>",
        "<iframe src='https://example.org'>x</iframe>",
        "<object>x</object>",
        "<form><input/>x</form>",
        "<link href='x.css'/>x",
        "<style>p{}</style>x",
        "<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>x",
        "<a href='javascript:alert(1)'>a</a>",
        "<a href=' java&#10;script:alert(1)'>a</a>",
        "<a href='JaVaScRiPt:alert(1)'>a</a>",
        "<a href='data:text/html,x'>a</a>",
        "<a href='vbscript:x'>a</a>",
        "<a xmlns:x='http://www.w3.org/1999/xlink' x:href='javascript:x'>a</a>",
        "<img src='https://example.org/track.png'/>",
        "<img src='//example.org/track.png'/>",
        "<p style='background: url(https://example.org/x)'>a</p>",
        "<p style='background: u\\72l(https://example.org/x)'>a</p>",
        "<p style='width: expression(x)'>a</p>",
        "<q cite='javascript:x'>a</q>",
        "",
        "  \n ",
        "<p></p>",
        "&nbsp;",
        "<p>a",
    ],
)
def test_refused(inside: str) -> None:
    assert problem(div(inside)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "<div>a</div>",
        "<p xmlns='http://www.w3.org/1999/xhtml'>a</p>",
        f"{div('a')}{div('b')}",
        f"<!DOCTYPE div>{div('a')}",
        div("a", " onload='x'"),
        "\ud800",
    ],
)
def test_only_one_div_of_xhtml(text: str) -> None:
    assert problem(text) is not None


def test_a_problem_does_not_repeat_content() -> None:
    for inside in ("<x999911120-x>a</x999911120-x>", "<p z-999911120='a'>a</p>", "<a href='javascript:999911120'>a</a>"):
        assert "999911120" not in (problem(div(inside)) or "")


def test_prefixes_become_a_default_namespace() -> None:
    prefixed = "<h:div xmlns:h='http://www.w3.org/1999/xhtml' xmlns:x='urn:x' id='i'>a<h:p>b<h:b>c</h:b>d</h:p>e</h:div>"
    assert text_of(parse(prefixed)) == '<div xmlns="http://www.w3.org/1999/xhtml" id="i">a<p>b<b>c</b>d</p>e</div>'


def test_text_is_what_it_was() -> None:
    text = '<div xmlns="http://www.w3.org/1999/xhtml" xml:lang="nl">{}</div>'
    text = text.format('a&amp;&lt;&gt;"<p title="&lt;&quot;&#10;&#9;">b<br/></p>c&#13;\n')
    assert text_of(parse(text)) == text


def test_other_namespaces_are_not_written() -> None:
    for inside in ("<p xmlns='urn:x'>a</p>", "<p xmlns:x='urn:x' x:a='b'>a</p>"):
        with pytest.raises(NoNarrative):
            text_of(parse(div(inside)))
