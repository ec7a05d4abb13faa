import { expect, test } from "vitest";
import { createTurnstile } from "../../src/io/turnstile.ts";

test("places are given in the order in which they were asked for", async () => {
  const turnstile = createTurnstile(1);
  const order: number[] = [];
  const visit = async (name: number): Promise<void> => {
    const leave = await turnstile.enter();
    order.push(name);
    await Promise.resolve();
    leave();
  };
  await Promise.all([1, 2, 3, 4].map(visit));
  expect(order).toEqual([1, 2, 3, 4]);
});

test("who gave up waiting does not take a place with them", async () => {
  const turnstile = createTurnstile(1);
  const leave = await turnstile.enter();
  const cancel = new AbortController();
  const gone = turnstile.enter(cancel.signal);
  const third = turnstile.enter();
  cancel.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  leave();
  await expect(third).resolves.toBeTypeOf("function");
});

test("leaving twice does not let two in", async () => {
  const turnstile = createTurnstile(1);
  const leave = await turnstile.enter();
  leave();
  leave();
  await turnstile.enter();
  let isIn = false;
  void turnstile.enter().then(() => (isIn = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isIn).toBe(false);
});

test("an aborted signal never enters", async () => {
  const signal = AbortSignal.abort(new Error("late"));
  await expect(createTurnstile(1).enter(signal)).rejects.toThrow("late");
});
