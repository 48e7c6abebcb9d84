"""The answer of a pharmacy system: interaction QURX_IN990113NL with the dispense list of medication process 6.12."""

from datetime import datetime, timedelta

from conformance.simulators.dispenses import Amount, Code, Cycle, Dispense, DispenseList, Ingredient, Maximum, Pharmacy, Use
from conformance.simulators.frame import Sender, framed, patient
from conformance.simulators.hl7v3 import APPLICATION, URA, Element, Question, element

ANSWER = "QURX_IN990113NL"
CODE_SYSTEMS = {
    "zi": "2.16.840.1.113883.2.4.4.8",
    "hpk": "2.16.840.1.113883.2.4.4.7",
    "prk": "2.16.840.1.113883.2.4.4.10",
    "gpk": "2.16.840.1.113883.2.4.4.1",
}
UNITS = {"piece": ("1", "245", "stuk"), "gram": ("g", "215", "gram")}
UNIT_TABLE = "2.16.840.1.113883.2.4.4.1.900.2"
ROUTES = "2.16.840.1.113883.2.4.4.9"
CONDITIONS = "2.16.840.1.113883.2.4.4.5"
CARE_PROVIDERS = "2.16.528.1.1007.3.1"


def answer(question: Question, found: DispenseList | None, pharmacy: Pharmacy, now: datetime) -> Element:
    """Answer ``question`` at ``now``: with the list that was found, or with the code for "nothing found"."""
    sender = Sender(pharmacy.name, pharmacy.ura, pharmacy.application, ("J8", "Openbare apotheek"))
    return framed(ANSWER, question, None if found is None else _list(found, now), sender, now)


def _list(found: DispenseList, now: datetime) -> Element:
    events = [element("component", {}, _event(each, found.pharmacy, now)) for each in found.dispense]
    return element(
        "MedicationDispenseList",
        {},
        element("code", {"code": "MEDLIST", "codeSystem": "2.16.840.1.113883.5.4"}),
        element("subject", {}, patient(found.patient)),
        *events,
    )


def _event(dispense: Dispense, pharmacy: Pharmacy, now: datetime) -> Element:
    on = now - timedelta(days=dispense.days_ago)
    unit, code, display = UNITS[dispense.unit]
    value = str(dispense.quantity)
    translation = {"value": value, "code": code, "codeSystem": UNIT_TABLE, "displayName": display}
    return element(
        "medicationDispenseEvent",
        {},
        element("id", {"root": f"{APPLICATION}.{pharmacy.application}.3", "extension": dispense.id}),
        element("statusCode", {"code": "completed"}),
        element("effectiveTime", {"value": f"{on:%Y%m%d}"}),
        element("quantity", {"value": value, "unit": unit}, element("translation", translation)),
        element("performer", {}, element("assignedPerson", {}, element("id", {"nullFlavor": "MSK"}))),
        element("product", {}, _dispensed(dispense, pharmacy, on)),
        element("responsibleParty", {}, _provider(pharmacy)),
    )


def _provider(pharmacy: Pharmacy) -> Element:
    organisation = element(
        "representedOrganization",
        {},
        element("id", {"root": URA, "extension": pharmacy.ura}),
        element("name", text=pharmacy.name),
    )
    return element(
        "assignedCareProvider",
        {},
        element("id", {"root": CARE_PROVIDERS, "extension": "900090011"}),
        element("code", {"code": "17.000", "codeSystem": "2.16.840.1.113883.2.4.15.111"}),
        organisation,
    )


def _dispensed(dispense: Dispense, pharmacy: Pharmacy, on: datetime) -> Element:
    requests = [element("therapeuticAgentOf", {}, _request(each, dispense, on)) for each in dispense.use]
    return element("dispensedMedication", {}, _kind(dispense), _prescription(dispense, pharmacy), *requests)


def _prescription(dispense: Dispense, pharmacy: Pharmacy) -> Element | None:
    if not dispense.prescription:
        return None
    identifier = {"root": f"{APPLICATION}.{pharmacy.application}.4", "extension": dispense.prescription}
    written = element("prescription", {}, element("id", identifier), element("statusCode", {"nullFlavor": "UNK"}))
    return element("directTargetOf", {"typeCode": "DIR"}, written)


def _kind(dispense: Dispense) -> Element:
    product = dispense.product
    return element(
        "MedicationKind",
        {},
        _codes(product.codes) if product.codes else _uncoded("code", product.text),
        element("desc", text=product.description) if product.description else None,
        *[_ingredient(each) for each in product.ingredient],
    )


def _codes(codes: tuple[Code, ...]) -> Element:
    translations = [element("translation", _coded(each)) for each in codes[1:]]
    return element("code", _coded(codes[0]), *translations)


def _coded(code: Code) -> dict[str, str]:
    return {"code": code.code, "codeSystem": CODE_SYSTEMS[code.system], "displayName": code.display}


def _uncoded(tag: str, text: str) -> Element:
    return element(tag, {"nullFlavor": "OTH"}, element("originalText", text=text))


def _ingredient(ingredient: Ingredient) -> Element:
    amount = {"nullFlavor": "QS"} if ingredient.amount is None else _physical(ingredient.amount)
    quantity = element(
        "quantity",
        {},
        element("numerator", {"xsi": "PQ", **amount}),
        element("denominator", {"xsi": "PQ", **_physical(ingredient.per)}),
    )
    outer, inner = (
        ("otherIngredient", "ingredientMaterialKind") if ingredient.other else ("activeIngredient", "activeIngredientMaterialKind")
    )
    return element(outer, {}, quantity, element(inner, {"classCode": "MAT"}, element("code", _coded(ingredient.code))))


def _physical(amount: Amount) -> dict[str, str]:
    return {"value": amount.value, "unit": amount.unit}


def _request(use: Use, dispense: Dispense, on: datetime) -> Element:
    needed, instruction = use.as_needed, use.instruction
    criterion = None if needed is None else {"code": needed.code, "codeSystem": CONDITIONS, "displayName": needed.display}
    return element(
        "medicationAdministrationRequest",
        {},
        element("text", text=use.text),
        element("statusCode", {"code": "active"}),
        _times(use, on),
        None
        if use.route is None
        else element("routeCode", {"code": use.route.code, "codeSystem": ROUTES, "displayName": use.route.display}),
        element("doseQuantity", {}, _dose("center", use.dose, dispense)) if use.dose else None,
        None if use.maximum is None else _maximum(use.maximum, dispense),
        None
        if criterion is None
        else element("precondition", {}, element("observationEventCriterion", {}, element("code", criterion))),
        element("support2", {}, element("medicationAdministrationInstruction", {}, _uncoded("code", instruction)))
        if instruction
        else None,
    )


def _times(use: Use, on: datetime) -> Element | None:
    parts = [_interval(use, on), _period(use.period), _cyclic(use.cycle, on)]
    held = [each for each in parts if each is not None]
    return element("effectiveTime", {"xsi": "SXPR_TS"}, *held) if held else None


def _interval(use: Use, on: datetime) -> Element | None:
    if not use.days:
        return None
    width = element("width", {"value": str(use.days), "unit": "d"})
    return element("comp", {"xsi": "IVL_TS"}, element("low", {"value": f"{on:%Y%m%d}"}), width)


def _period(period: Amount | None) -> Element | None:
    return None if period is None else element("comp", {"xsi": "PIVL_TS", "operator": "A"}, element("period", _physical(period)))


def _cyclic(cycle: Cycle | None, on: datetime) -> Element | None:
    if cycle is None:
        return None
    low = element("low", {"value": f"{on:%Y%m%d}"})
    phase = element("phase", {}, low, element("width", {"value": str(cycle.days), "unit": "d"}))
    return element("comp", {"xsi": "PIVL_TS", "operator": "A"}, phase, element("period", {"value": str(cycle.period), "unit": "d"}))


def _dose(tag: str, dose: int, dispense: Dispense, xsi: dict[str, str] | None = None) -> Element:
    unit, code, display = UNITS[dispense.unit]
    translation = {"value": str(dose), "code": code, "codeSystem": UNIT_TABLE, "displayName": display}
    return element(tag, {**(xsi or {}), "value": str(dose), "unit": unit}, element("translation", translation))


def _maximum(maximum: Maximum, dispense: Dispense) -> Element:
    most = _dose("numerator", maximum.dose, dispense, {"xsi": "PQ"})
    return element("maxDoseQuantity", {}, most, element("denominator", {"xsi": "PQ", "value": maximum.value, "unit": maximum.unit}))
