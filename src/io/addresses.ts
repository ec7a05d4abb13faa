/** Where this machine can be reached from the same network. */
import { networkInterfaces } from "node:os";
import type { NetworkInterfaceInfo } from "node:os";

/** Whether somebody on another machine can type it: an address of one link alone needs the name of that machine's own. */
function isUsable({ family, internal, address }: NetworkInterfaceInfo): boolean {
  return !internal && (family === "IPv4" || !address.startsWith("fe80:"));
}

/**
 * The addresses under which a server that listens on `host` is reached from other machines, IPv4 first: all of this machine
 * for `0.0.0.0` (IPv4) and `::` (both), none of its own loopback.
 */
export function networkAddresses(host: string): string[] {
  const interfaces = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = interfaces.filter(isUsable);
  const ofFamily = (wanted: string): string[] =>
    usable.filter(({ family }) => family === wanted).map(({ address }) => address);
  if (host === "::") return [...ofFamily("IPv4"), ...ofFamily("IPv6")];
  return host === "0.0.0.0" ? ofFamily("IPv4") : [];
}
