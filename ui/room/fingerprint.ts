/** A coarse description of the browser, hashed. Many browsers share one; no canvas, no audio, no fonts. */
export async function fingerprint(): Promise<string> {
  try {
    const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(description()));
    return [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  } catch {
    return '';
  }
}

function description(): string {
  return JSON.stringify([
    navigator.userAgent,
    navigator.languages,
    navigator.platform,
    navigator.hardwareConcurrency,
    [screen.width, screen.height],
    Intl.DateTimeFormat().resolvedOptions().timeZone,
  ]);
}
