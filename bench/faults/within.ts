/** Every wait is for something that takes less by far. */
const limitSeconds = 60;

/** @throws if something takes longer than it ever should */
export async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    const message = `${what}: there were none after ${limitSeconds} s`;
    timer = setTimeout(() => reject(new Error(message)), limitSeconds * 1000);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
