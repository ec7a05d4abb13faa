import type { FastifyInstance } from "fastify";
import type { Context } from "./context.ts";
import { readClaim } from "./authorize.ts";
import { parseJsonObject, readPassword, readRegistration } from "./bodies.ts";
import { Refusal } from "../errors.ts";

/** Tells a client that the paths of `routes-documents.ts` are there, and in which version. */
const EXTENSION_HEADER = "koreader-progress-api";

/** Accounts: create, authorize, change the password, delete. And the health check, which needs none. */
export function addUserRoutes(app: FastifyInstance, { store, gate, registration }: Context): void {
  app.get("/healthcheck", async (_request, reply) => {
    await store.check();
    void reply.header(EXTENSION_HEADER, "1");
    return { state: "OK" };
  });

  app.post("/users/create", async (request, reply) => {
    if (registration === "closed") throw new Refusal("RegistrationDisabled");
    const { username, password } = readRegistration(parseJsonObject(request.body));
    if ((await store.credentialOf(username)) !== null) throw new Refusal("UsernameTaken");
    gate.admitRegistration(request.ip);
    const credential = await gate.credentials.make(password);
    if (!(await store.createUser(username, credential))) throw new Refusal("UsernameTaken");
    return reply.status(201).send({ username });
  });

  app.get("/users/auth", async (request, reply) => {
    await gate.admit(request.headers, request.ip);
    void reply.header(EXTENSION_HEADER, "1");
    return { authorized: "OK" };
  });

  app.put("/users/password", async (request) => {
    const { username, credential } = await gate.admit(request.headers, request.ip);
    const next = await gate.credentials.make(readPassword(parseJsonObject(request.body)));
    if (!(await store.replaceCredential(username, credential, next))) throw new Refusal("Unauthorized");
    return { updated: true };
  });

  app.delete("/users/me", async (request) => {
    const claim = readClaim(request.headers);
    const kept = await store.credentialOf(claim.username);
    if (kept === null) {
      // It costs a store more than any other question, and whoever asks is unknown.
      gate.admitStranger(request.ip);
      // Whatever an interrupted deletion of old may have left behind goes too.
      await store.deleteUser(claim.username, null);
      throw new Refusal("AccountNotFound");
    }
    const { username, credential } = await gate.check(claim, kept, request.ip);
    if (!(await store.deleteUser(username, credential))) throw new Refusal("Unauthorized");
    return { deleted: true };
  });
}
