// Browsers in words.

/** `Firefox 141 on Linux`, as far as it is known. @param {{browser: string, system: string}} device */
export function deviceName({ browser, system }) {
  const known = browser || 'Unknown browser';
  return system ? `${known} on ${system}` : known;
}
