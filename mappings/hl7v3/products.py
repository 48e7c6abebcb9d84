"""Medicinal products: the code of a product and of its ingredients."""

from mappings.engine import hash_id
from mappings.functions import Call, Functions
from mappings.hl7v3.codes import codings, concept, null_coding
from mappings.tree import Node

FUNCTIONS = Functions()
Json = dict[str, object]


@FUNCTIONS.each("product_id")
def _product_id(node: Node, _call: Call) -> str | None:
    """Give the same codes the same id, however the source spells the name; a product without code gets its id from its content."""
    codes = [f"{one.get('system')}|{one['code']}" for one in codings(node)] if node.value("code") else []
    return hash_id(" ".join(codes)) if codes else None


@FUNCTIONS.each("unknown_product")
def _unknown_product(node: Node, call: Call) -> Json:
    """Say that the source does not name the product, by the null flavour that it gives."""
    code = node.first("code")
    call.remarks.append("the source names no product")
    return {"coding": [null_coding((code.value("nullFlavor") if code else "") or "NI")]}


@FUNCTIONS.each("product_code")
def _product_code(node: Node, _call: Call) -> Json | None:
    """Mark the main code, which is the most specific one and names the product; its translations are wider."""
    found = concept(node)
    if found is None or not node.value("code"):
        return found
    main, *wider = codings(node)
    text = main.get("display") or found.get("text")
    return {"coding": [main | {"userSelected": True}, *wider]} | ({"text": text} if text else {})
