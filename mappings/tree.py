"""The tree of an XML message, read safely, which remembers what was read from it.

The parser resolves nothing: no entities, no DTD, no network; a DOCTYPE is refused, comments and processing instructions are left
out.
"""

from collections.abc import Iterator, Mapping

from lxml import etree

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 100
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
# Attributes whose value the standard fixes: they say what an element is, not what is the case.
STRUCTURAL = frozenset({"classCode", "moodCode", "typeCode", "determinerCode", "contextConductionInd", "mediaType"})


class TreeError(ValueError):
    """The bytes are not an XML message that may be read; the text says why, without quoting them."""


class Node:
    """An element. ``name`` is its local name in the namespace of the message, else "{namespace}name"; ``type`` the local xsi:type.

    ``value`` and ``text`` mark what they return as read; whatever was never read is found by ``unread``.
    """

    __slots__ = ("_attributes", "_read", "_text", "children", "name", "type")

    def __init__(self, name: str, attributes: Mapping[str, str], text: str, xsi_type: str) -> None:
        """Make an element without children; ``attributes`` by name, ``text`` as it stood in the message."""
        self.name = name
        self.type = xsi_type
        self.children: list[Node] = []
        self._attributes = attributes
        self._text = text
        self._read: set[str] = set()

    def value(self, attribute: str = "value") -> str:
        """Return an attribute without blanks around it; "" when it is absent or empty."""
        self._read.add(attribute)
        return self._attributes.get(attribute, "").strip()

    @property
    def text(self) -> str:
        """The text directly in the element, without blanks around it."""
        self._read.add("")
        return self._text.strip()

    @property
    def empty(self) -> bool:
        """Whether the element says nothing: no attribute, no text, and the same of all below it."""
        values = [self._text, *(value for name, value in self._attributes.items() if name not in STRUCTURAL)]
        return not any(value.strip() for value in values) and all(child.empty for child in self.children)

    def all(self, name: str) -> list["Node"]:
        """Return the children called ``name``."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> "Node | None":
        """Return the first child called ``name``."""
        return next((child for child in self.children if child.name == name), None)

    def walk(self) -> Iterator["Node"]:
        """Yield this element and everything below it, in document order."""
        yield self
        for child in self.children:
            yield from child.walk()

    def unread(self, path: str = "") -> Iterator[str]:
        """Yield the paths of attributes and texts below this element that were never read; structural attributes do not count."""
        path = f"{path}/{self.name}" if path else self.name
        for attribute, value in self._attributes.items():
            if attribute not in self._read and attribute not in STRUCTURAL and value.strip():
                yield f"{path}/@{attribute}"
        if "" not in self._read and self._text.strip():
            yield path
        for child in self.children:
            yield from child.unread(path)


def parse(payload: bytes, namespace: str) -> Node:
    """Read an XML message whose names are in ``namespace``.

    TreeError when it is too large, too deep or not well-formed, or has a DOCTYPE.
    """
    if len(payload) > MAX_BYTES:
        raise TreeError(f"the message is larger than {MAX_BYTES} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(payload, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise TreeError("the message is not well-formed XML" + (f" (line {line})" if line else "")) from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise TreeError("the message has a DOCTYPE, which is refused")
    return _node(root, f"{{{namespace}}}", MAX_DEPTH)


def _node(element: etree._Element, namespace: str, depth: int) -> Node:
    if not depth:
        raise TreeError(f"the message is nested more than {MAX_DEPTH} deep")
    attributes = {str(name): str(value) for name, value in element.attrib.items() if not str(name).startswith("{")}
    kind = str(element.get(f"{XSI}type") or attributes.pop("type", "") or "")
    text = element.text or ""
    node = Node(str(element.tag).removeprefix(namespace), attributes, str(text), kind.rpartition(":")[2].strip())
    for child in element:
        if isinstance(child.tag, str):
            node.children.append(_node(child, namespace, depth - 1))
            if child.tail and child.tail.strip():
                node._text += str(child.tail)  # noqa: SLF001 - the node is still being made
    return node
