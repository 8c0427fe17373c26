/** What this browser keeps. Storage may be forbidden or full: then nothing is remembered. */

export function remembered<T>(key: string, fallback: T, storage: () => Storage = () => localStorage): T {
  try {
    const found = storage().getItem(key);
    return found === null ? fallback : (JSON.parse(found) as T);
  } catch {
    return fallback;
  }
}

export function remember(key: string, value: unknown, storage: () => Storage = () => localStorage) {
  try {
    if (value === undefined) storage().removeItem(key);
    else storage().setItem(key, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}
