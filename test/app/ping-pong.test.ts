import { describePingPong } from "../support/ping-pong.ts";

describePingPong(3);
