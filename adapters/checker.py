"""Checks adapters: manifest, code, mapping rows, samples, and the quality that they claim."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.resources.abc import Traversable
from typing import Literal

from pydantic import ValidationError

from adapters import registry
from adapters.contract import Resource, SourceAdapter, SourceError
from adapters.manifest import Manifest, ManifestError
from adapters.quality import QualityError, read_quality
from mappings.rows import RowError


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know about an adapter: an error must be repaired before it is used, a warning should be."""

    adapter: str
    severity: Literal["error", "warning"]
    text: str


def check_all() -> list[Finding]:
    """Check every adapter that is installed."""
    return [finding for adapter in registry.adapter_ids() for finding in check(adapter)]


def check(adapter: str) -> list[Finding]:
    """Check one adapter, its samples included, without asking anything over the network; UnknownAdapter when there is none."""
    folder = registry.folder(adapter)
    try:
        manifest = registry.manifest(adapter)
    except ManifestError as error:
        return [Finding(adapter, "error", str(error))]
    errors = [*_readme(folder, manifest), *_rows(manifest)]
    found = [Finding(adapter, "error", text) for text in errors]
    if not errors:
        found += _code(adapter, manifest, folder)
    return [*found, *_quality(adapter, folder)]


def _readme(folder: Traversable, manifest: Manifest) -> Iterator[str]:
    readme = folder / "README.md"
    if not readme.is_file():
        yield "README.md is missing"
        return
    text = readme.read_text(encoding="utf-8")
    if manifest.version not in text:
        yield f"README.md does not name the version {manifest.version} of the standard"
    for option in manifest.options:
        if f"`{option}`" not in text:
            yield f"README.md does not explain the option {option}"


def _rows(manifest: Manifest) -> Iterator[str]:
    for package in manifest.tables:
        try:
            import_module(package).tables()
        except RowError as error:
            yield from error.findings
        except (ImportError, AttributeError) as error:
            yield f"manifest.toml: {package} has no mapping rows: {error}"


def _code(adapter: str, manifest: Manifest, folder: Traversable) -> list[Finding]:
    try:
        made = registry.load(adapter)
    except (ImportError, AttributeError, TypeError) as error:
        return [Finding(adapter, "error", f"adapter.py cannot be used: {error}")]
    missing = [name for name in ("question", "search", "translate") if not callable(getattr(made, name, None))]
    if missing:
        return [Finding(adapter, "error", f"Adapter has no {' and no '.join(missing)}")]
    return _samples(adapter, made, manifest, folder)


def _samples(adapter: str, made: SourceAdapter, manifest: Manifest, folder: Traversable) -> list[Finding]:
    """Translate the samples: those whose name begins with "refused" must be refused; all rows should be used by the others."""
    used: set[str] = set()
    found = []
    samples = sorted((folder / "samples").iterdir(), key=lambda file: file.name) if (folder / "samples").is_dir() else []
    if not samples:
        return [Finding(adapter, "error", "there are no samples")]
    for sample in samples:
        refused = sample.name.startswith("refused")
        try:
            translation = made.translate(sample.read_bytes())
        except SourceError as error:
            if not refused:
                found.append(Finding(adapter, "error", f"samples/{sample.name}: {error.text}"))
            continue
        if refused:
            found.append(Finding(adapter, "error", f"samples/{sample.name} should be refused"))
        used |= {use.row for use in translation.used}
        found += [Finding(adapter, "error", f"samples/{sample.name}: {text}") for text in _unbuildable(translation.resources)]
        types = {str(resource["resourceType"]) for resource in translation.resources} - set(manifest.resource_types)
        found += [Finding(adapter, "error", f"samples/{sample.name}: {name} is not in the manifest") for name in sorted(types)]
    rows = {row.id for package in manifest.tables for table in import_module(package).tables().values() for row in table.rows}
    return found + [Finding(adapter, "warning", f"no sample uses the row {row}") for row in sorted(rows - used)]


def _unbuildable(resources: Iterable[Resource]) -> Iterator[str]:
    """Build each resource with the classes of fhir.resources (R4B, the nearest release it has): a second opinion on its shape."""
    for resource in resources:
        name = str(resource["resourceType"])
        try:
            getattr(import_module(f"fhir.resources.R4B.{name.lower()}"), name).model_validate(resource)
        except ValidationError as error:
            places = {".".join(map(str, each["loc"])) for each in error.errors()}
            yield f"{name} cannot be built: {', '.join(sorted(places))}"


def _quality(adapter: str, folder: Traversable) -> list[Finding]:
    file = folder / "quality.toml"
    if not file.is_file():
        return [Finding(adapter, "error", "quality.toml is missing")]
    try:
        quality = read_quality(file.read_text(encoding="utf-8"))
    except QualityError as error:
        return [Finding(adapter, "error", str(error))]
    claimed = [Finding(adapter, "error", f"claims {quality.tier}, but {rule} is still to do") for rule in quality.missing()]
    return claimed + [
        Finding(adapter, "warning", f"to do: {rule} ({reason})") for rule, reason in quality.todo.items() if not claimed
    ]
