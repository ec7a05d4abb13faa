// The floor: the same two routes without accounts, checks or storage.
import { fastify } from "fastify";

const app = fastify({ logger: false });
app.put("/syncs/progress", async () => ({ document: "0b229176d4e8db7f6d2b5a4952368d7a", timestamp: 1_700_000_000 }));
app.get("/syncs/progress/:document", async () => ({
  document: "0b229176d4e8db7f6d2b5a4952368d7a",
  percentage: 0.4321,
  progress: "/body/DocFragment[11]/body/div/p[7]/text().123",
  device: "Kobo Libra 2",
  timestamp: 1_700_000_000,
  device_id: "8E0F6A2C5D1B4C3A",
}));
await app.listen({ port: 0, host: "127.0.0.1" });
const address = app.server.address();
process.stdout.write(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}\n`);
process.once("SIGTERM", () => process.exit(0));
