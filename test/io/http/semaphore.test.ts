import { expect, test } from "vitest";
import { createSemaphore } from "../../../src/io/http/semaphore.ts";

test("places are given in the order in which they were asked for", async () => {
  const semaphore = createSemaphore(1);
  const order: number[] = [];
  const visit = async (name: number): Promise<void> => {
    const leave = await semaphore.acquire();
    order.push(name);
    await Promise.resolve();
    leave();
  };
  await Promise.all([1, 2, 3, 4].map(visit));
  expect(order).toEqual([1, 2, 3, 4]);
});

test("who gave up waiting does not take a place with them", async () => {
  const semaphore = createSemaphore(1);
  const leave = await semaphore.acquire();
  const cancel = new AbortController();
  const gone = semaphore.acquire(cancel.signal);
  const third = semaphore.acquire();
  cancel.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  leave();
  await expect(third).resolves.toBeTypeOf("function");
});

test("leaving twice does not let two in", async () => {
  const semaphore = createSemaphore(1);
  const leave = await semaphore.acquire();
  leave();
  leave();
  await semaphore.acquire();
  let isIn = false;
  void semaphore.acquire().then(() => (isIn = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isIn).toBe(false);
});

test("an aborted signal never enters", async () => {
  const signal = AbortSignal.abort(new Error("late"));
  await expect(createSemaphore(1).acquire(signal)).rejects.toThrow("late");
});
