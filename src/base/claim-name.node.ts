import { constants, copyFile, link } from "node:fs/promises";

/**
 * Gives a file that is complete another name, if nobody has it. Where there are no hard links (FAT,
 * some network folders) the file is copied: who reads at that very moment may find it half written.
 *
 * @param hardLink how a file gets another name at once
 * @returns `false`: somebody has the name
 * @throws what the file system throws
 */
export async function claimName(
  file: string,
  name: string,
  hardLink: (file: string, name: string) => Promise<void> = link,
): Promise<boolean> {
  try {
    await hardLink(file, name).catch(async (error: unknown) => {
      if (isTaken(error)) throw error;
      await copyFile(file, name, constants.COPYFILE_EXCL);
    });
    return true;
  } catch (error) {
    if (isTaken(error)) return false;
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EEXIST";
}
