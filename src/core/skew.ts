/** Clocks of a server, a device and a computer that differ by less than this many seconds cannot say which change came first. */
export const SKEW = 120;
