import { expect, test } from "vitest";
import { createPace, type Heard, type Pace } from "../../../src/io/http/pace.ts";

const OK: Heard = { status: "answered" };
const BUSY: Heard = { status: "busy", pause_ms: 0 };

const wide = (): Pace => createPace({ at_once: 100, apart_ms: 0 }, 100);
const narrow = (): Pace => createPace({ at_once: 1, apart_ms: 0 }, 1);

/** Takes so many turns one after the other and ends each with the same. */
async function take(pace: Pace, times: number, heard: Heard): Promise<void> {
  for (let time = 0; time < times; time += 1) (await pace.enter())(heard);
}

test("turns are given in the order in which they were asked for, and what is urgent comes first", async () => {
  const pace = narrow();
  const end = await pace.enter();
  const order: string[] = [];
  const visit = async (name: string, urgent = false): Promise<void> => {
    const leave = await pace.enter(undefined, urgent);
    order.push(name);
    leave(OK);
  };
  const all = [visit("first"), visit("second"), visit("urgent", true)];
  end(OK);
  await Promise.all(all);
  expect(order).toEqual(["urgent", "first", "second"]);
});

test("who gave up waiting does not take a turn with them", async () => {
  const pace = narrow();
  const end = await pace.enter();
  const cancel = new AbortController();
  const gone = pace.enter(cancel.signal);
  const third = pace.enter();
  cancel.abort(new Error("gone"));
  await expect(gone).rejects.toThrow("gone");
  end(OK);
  await expect(third).resolves.toBeTypeOf("function");
  await expect(pace.enter(AbortSignal.abort(new Error("late")))).rejects.toThrow("late");
});

test("ending twice does not let two in", async () => {
  const pace = narrow();
  const end = await pace.enter();
  end(OK);
  end(OK);
  await pace.enter();
  let isIn = false;
  void pace.enter().then(() => (isIn = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isIn).toBe(false);
});

test("a server that keeps up is asked more and more at once, up to the most", async () => {
  const pace = createPace({ at_once: 4, apart_ms: 0 }, 8);
  await take(pace, 4, OK);
  expect(pace.now().at_once).toBe(5);
  await take(pace, 100, OK);
  expect(pace.now()).toEqual({ at_once: 8, apart_ms: 0 });
});

test("silence neither widens nor narrows", async () => {
  const pace = createPace({ at_once: 4, apart_ms: 0 }, 8);
  await take(pace, 20, { status: "silent" });
  expect(pace.now()).toEqual({ at_once: 4, apart_ms: 0 });
});

test("too many at once halves, once for all that were under way together, and sets the next ones apart", async () => {
  const pace = wide();
  const ends = await Promise.all(Array.from({ length: 8 }, () => pace.enter()));
  for (const end of ends) end(BUSY);
  expect(pace.now()).toEqual({ at_once: 50, apart_ms: 50 });
  await take(pace, 1, BUSY);
  expect(pace.now()).toEqual({ at_once: 25, apart_ms: 100 });
});

test("requests that are set apart start apart, and with each answer come closer again", async () => {
  const pace = createPace({ at_once: 8, apart_ms: 40 }, 8);
  const starts: number[] = [];
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      const end = await pace.enter();
      starts.push(performance.now());
      end(OK);
    }),
  );
  const gaps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(25);
  expect(pace.now().apart_ms).toBeLessThan(40);
});

test("a pause that was asked for holds for everybody", async () => {
  const pace = wide();
  const began = performance.now();
  await take(pace, 1, { status: "busy", pause_ms: 300 });
  await pace.enter();
  expect(performance.now() - began).toBeGreaterThan(280);
});
