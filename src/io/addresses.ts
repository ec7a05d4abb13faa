/** Where this machine can be reached from the same network. */
import { networkInterfaces } from "node:os";

/** IPv4 addresses of this machine in its networks, without its own loopback. */
export function networkAddresses(): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return interfaces.filter(({ family, internal }) => family === "IPv4" && !internal).map(({ address }) => address);
}
