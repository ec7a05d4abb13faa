import { describeContentServer } from "./content-servers.ts";

describeContentServer("stand_alone.py");
