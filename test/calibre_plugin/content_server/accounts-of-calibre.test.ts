import { describeContentServer } from "./content-servers.ts";

describeContentServer("accounts_of_calibre.py");
