"""What attackers put into XML (https://owasp.org/www-community/vulnerabilities/XML_External_Entity_(XXE)_Processing)."""

from pathlib import Path

import pytest

from fhir_server.errors import Malformed, TooLarge
from fhir_server.model.xml import read

BODY = '<Patient xmlns="http://hl7.org/fhir"><language value="{}"/></Patient>'


def refused(text: str | bytes) -> Malformed:
    with pytest.raises(Malformed) as caught:
        read(text if isinstance(text, bytes) else text.encode())
    return caught.value


def test_external_entities(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    for system in (secret.as_uri(), "http://127.0.0.1:9/x"):
        error = refused(f'<!DOCTYPE Patient [<!ENTITY x SYSTEM "{system}">]>' + BODY.format("&x;"))
        assert "canary" not in error.text


def test_parameter_entities_and_external_dtd() -> None:
    refused('<!DOCTYPE Patient [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x.dtd"> %x;]>' + BODY.format("a"))
    refused('<!DOCTYPE Patient SYSTEM "http://127.0.0.1:9/x.dtd">' + BODY.format("a"))
    refused("<!DOCTYPE Patient>" + BODY.format("a"))


def test_billion_laughs_and_quadratic_blowup() -> None:
    laughs = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    refused(f"<!DOCTYPE Patient [{laughs}]>" + BODY.format("&a9;"))
    refused(f'<!DOCTYPE Patient [<!ENTITY a "{"x" * 100_000}">]>' + BODY.format("&a;" * 10_000))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "iso-8859-1", "cp037"])
def test_a_doctype_cannot_hide_in_another_encoding(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE Patient [<!ENTITY a "é">]>' + BODY.format("&a;")
    refused(text.encode(encoding))
    if encoding != "utf-7":  # without a declaration that is plain ASCII
        refused(BODY.format("é").encode(encoding))


def test_the_declared_encoding_is_utf_8_or_nothing() -> None:
    refused('<?xml version="1.0" encoding="ISO-8859-1"?>' + BODY.format("a"))
    refused("<?xml version='1.0' encoding = 'utf-7'?>" + BODY.format("a"))
    assert read(("\ufeff<?xml version='1.0' encoding='utf-8'?>" + BODY.format("nl")).encode())["language"] == "nl"


def test_inclusion_is_not_carried_out(tmp_path: Path) -> None:
    (tmp_path / "x.xml").write_text("<language value='canary'/>")
    inclusion = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{(tmp_path / "x.xml").as_uri()}"/>'
    refused(f'<Patient xmlns="http://hl7.org/fhir">{inclusion}</Patient>')


def test_a_style_sheet_instruction_is_ignored() -> None:
    assert read(('<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>' + BODY.format("nl")).encode())["language"] == "nl"


@pytest.mark.timeout(20)
def test_very_many_of_anything_takes_no_more_than_linear_time() -> None:
    """Each of these took minutes when attributes were listed, or the namespaces in scope, before they were counted."""
    attributes = " ".join(f'a{i}="x"' for i in range(200_000))
    namespaces = " ".join(f'xmlns:n{i}="u"' for i in range(50_000))
    div = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'
    refused(f'<Patient xmlns="http://hl7.org/fhir"><language {attributes}/></Patient>')
    refused(
        f'<Patient xmlns="http://hl7.org/fhir"><text><status value="empty"/>{div.format(f"<p {attributes}>x</p>")}</text></Patient>'
    )
    contained = f'<contained><Basic><text><status value="empty"/>{div.format("a")}</text></Basic></contained>' * 10_000
    assert len(read(f'<Patient xmlns="http://hl7.org/fhir" {namespaces}>{contained}</Patient>'.encode())["contained"]) == 10_000


def test_long_texts_end_at_the_size_limit() -> None:
    with pytest.raises(TooLarge):
        read(BODY.format("x" * 5_000_000).encode())


def test_cdata_cannot_carry_a_value() -> None:
    refused('<Patient xmlns="http://hl7.org/fhir"><language><![CDATA[nl]]></language></Patient>')
