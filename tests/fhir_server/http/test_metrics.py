from prometheus_client.parser import text_string_to_metric_families

from fhir_server.http.metrics import Metrics


def samples(metrics: Metrics, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        tuple(sample.labels[each] for each in ("interaction", "type", "status", "le") if each in sample.labels): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name
    }


def test_requests_are_counted_by_what_they_asked_for_and_by_how_long_they_took() -> None:
    metrics = Metrics()
    for microseconds in (900, 1_000, 1_001, 20_000_000):
        metrics.count("read", "Patient", 200, microseconds)
    metrics.count("read", "Patient", 404, 5)
    counted = samples(metrics, "fhir_request_duration_seconds_count")
    assert counted == {("read", "Patient", "200"): 4, ("read", "Patient", "404"): 1}
    buckets = samples(metrics, "fhir_request_duration_seconds_bucket")
    assert [buckets["read", "Patient", "200", bound] for bound in ("0.001", "0.0025", "10.0", "+Inf")] == [2, 3, 3, 4]
    assert samples(metrics, "fhir_request_duration_seconds_sum")["read", "Patient", "200"] == 20.002901
