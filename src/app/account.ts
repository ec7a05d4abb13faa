/** Logging in and registering, at whatever address the reader pasted. */
import type { Account } from "../model/account.ts";
import type { FindServer, KosyncClient, OpenKosyncClient } from "./ports.ts";

export interface AccountPorts {
  readonly findServer: FindServer;
  readonly openClient: OpenKosyncClient;
}

/** The URL that really answers, which may differ from what was pasted and is the one to keep. */
export interface AccountAnswer {
  url: string;
  username: string;
}

async function at(
  account: Account,
  ports: AccountPorts,
  act: (client: KosyncClient) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<AccountAnswer> {
  const url = await ports.findServer(account, signal);
  const client = await ports.openClient({ ...account, url });
  try {
    await act(client);
  } finally {
    await client.close();
  }
  return { url, username: account.username };
}

/** Whether the server knows the account and its key; throws what `findServer` and `KosyncClient.authorize` throw. */
export function authorizeAccount(account: Account, ports: AccountPorts, signal?: AbortSignal): Promise<AccountAnswer> {
  return at(account, ports, (client) => client.authorize(signal), signal);
}

/** Creates the account; throws what `findServer` and `KosyncClient.register` throw. */
export function registerAccount(account: Account, ports: AccountPorts, signal?: AbortSignal): Promise<AccountAnswer> {
  return at(account, ports, (client) => client.register(signal), signal);
}
