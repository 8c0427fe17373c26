import { useEffect, useReducer } from 'react';

/** Draws again every second: for what counts up or down on one's own page. */
export function useSeconds(runs: boolean) {
  const [, tick] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (!runs) return;
    const timer = setInterval(tick, 1000);
    return () => clearInterval(timer);
  }, [runs]);
}
