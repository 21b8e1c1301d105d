/** How fast a twin's time may run: twin ms per real ms. Apart from the clock, as the contract is read by a browser. */
export const slowest = 1;
export const fastest = 1000;
