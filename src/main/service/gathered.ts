// What may be said often is said at once, and then once for all that there is to say a while later.

export function gathered(say: () => void, ms: number): () => void {
  let isQuiet = false;
  let isAsked = false;
  const sayIt = (): void => {
    isQuiet = true;
    isAsked = false;
    say();
    setTimeout(() => {
      isQuiet = false;
      if (isAsked) sayIt();
    }, ms).unref();
  };
  return () => {
    if (isQuiet) isAsked = true;
    else sayIt();
  };
}
