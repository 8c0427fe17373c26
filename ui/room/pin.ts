/** A link may carry the PIN: `#pin=123456`. It is taken out of the address bar at once. */
export function takePin(): string {
  const pin = new URLSearchParams(location.hash.slice(1)).get('pin') ?? '';
  if (pin) history.replaceState(history.state, '', location.pathname + location.search);
  return pin;
}
