/** Every wait is for something that takes less by far. */
const limitSeconds = 60;

/**
 * @param story told then: what may have kept it
 * @throws if something takes longer than it ever should
 */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  story: () => string = () => "",
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const giveUp = (): void => {
      reject(new Error(`${what}: nothing after ${limitSeconds} s\n${story()}`));
    };
    timer = setTimeout(giveUp, limitSeconds * 1000);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
