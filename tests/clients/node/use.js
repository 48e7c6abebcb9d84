// Uses fhir-kit-client against the hub at argv[2]; the token is in the environment. Prints what went well, one word a line.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Client } from "fhir-kit-client";

const client = new Client({ baseUrl: process.argv[2], bearerToken: process.env.HUB_TOKEN });
const family = `Kit${randomUUID().slice(0, 8)}`;
const system = "http://clients.example/fhir-kit";
const person = (given) => ({
  resourceType: "Patient",
  identifier: [{ system, value: `${family}-${given}` }],
  name: [{ family, given: [given] }],
});
const done = (word) => console.log(word);
const ids = (bundle) => (bundle.entry ?? []).map((entry) => entry.resource.id);
const refused = (status) => (error) => {
  assert.equal(error.response.status, status);
  assert.equal(error.response.data.resourceType, "OperationOutcome");
  return true;
};

const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, "4.0.1");
done("capabilities");

const made = await client.create({ resourceType: "Patient", body: person("Aafke") });
assert.equal(made.meta.versionId, "1");
assert.match(Client.httpFor(made).response.headers.get("location"), /\/Patient\/[^/]+\/_history\/1$/);
done("create");

const id = made.id;
assert.deepEqual(await client.read({ resourceType: "Patient", id }), made);
done("read");

const changed = await client.update({ resourceType: "Patient", id, body: { ...made, gender: "female" } });
assert.equal(changed.meta.versionId, "2");
const named = { identifier: `${system}|${family}-Aafke` };
const again = await client.update({ resourceType: "Patient", searchParams: named, body: { ...person("Aafke"), active: true } });
assert.deepEqual([again.id, again.meta.versionId], [id, "3"]);
done("update");

const patched = await client.patch({ resourceType: "Patient", id, jsonPatch: [{ op: "add", path: "/birthDate", value: "1950-06-01" }] });
assert.equal(patched.birthDate, "1950-06-01");
done("patch");

assert.equal((await client.vread({ resourceType: "Patient", id, version: "2" })).gender, "female");
const history = await client.resourceHistory({ resourceType: "Patient", id });
assert.deepEqual(history.entry.map((entry) => entry.resource.meta.versionId), ["4", "3", "2", "1"]);
assert.equal((await client.typeHistory({ resourceType: "Patient" })).type, "history");
done("history");

const entry = ["Bram", "Cas"].map((given) => ({ resource: person(given), request: { method: "POST", url: "Patient" } }));
const answer = await client.transaction({ body: { resourceType: "Bundle", type: "transaction", entry } });
assert.equal(answer.type, "transaction-response");
const batch = [{ request: { method: "GET", url: `Patient/${id}` } }];
assert.equal((await client.batch({ body: { resourceType: "Bundle", type: "batch", entry: batch } })).entry[0].resource.id, id);
done("bundles");

const found = await client.search({ resourceType: "Patient", searchParams: { family, _sort: "-_lastUpdated" } });
assert.equal(found.total, 3);
const posted = await client.search({ resourceType: "Patient", searchParams: { family }, options: { postSearch: true } });
assert.deepEqual(ids(posted).sort(), ids(found).sort());
const first = await client.search({ resourceType: "Patient", searchParams: { family, _count: 2 } });
const second = await client.nextPage({ bundle: first });
assert.deepEqual([...ids(first), ...ids(second)].sort(), ids(found).sort());
done("search");

const team = await client.create({
  resourceType: "CareTeam",
  body: { resourceType: "CareTeam", status: "active", subject: { reference: `Patient/${id}` } },
});
const along = await client.search({ resourceType: "CareTeam", searchParams: { _id: team.id, _include: "CareTeam:subject" } });
assert.deepEqual(ids(along), [team.id, id]);
const within = await client.search({ resourceType: "CareTeam", compartment: { resourceType: "Patient", id } });
assert.deepEqual(ids(within), [team.id]);
assert.equal((await client.resolve({ reference: team.subject.reference, context: team })).id, id);
done("include");

await client.delete({ resourceType: "CareTeam", id: team.id });
await assert.rejects(client.read({ resourceType: "CareTeam", id: team.id }), refused(410));
await assert.rejects(client.read({ resourceType: "Patient", id: "nobody-has-this-id" }), refused(404));
await assert.rejects(client.create({ resourceType: "Patient", body: { resourceType: "Patient", gender: "vrouw" } }), refused(422));
done("refusals");
