/** What the page says, in the languages that its readers' browsers ask for. */

export interface Words {
  readonly lang: "en" | "de";
  readonly progress: string;
  readonly signIn: string;
  readonly signInFailed: string;
  readonly signInWith: string;
  readonly wrongLogin: string;
  readonly username: string;
  readonly password: string;
  readonly signedInAs: string;
  readonly signOut: string;
  readonly yourDocuments: string;
  readonly documents: (count: number) => string;
  readonly book: string;
  readonly read: string;
  readonly device: string;
  readonly when: string;
  readonly place: string;
  readonly pages: string;
  readonly newer: string;
  readonly older: string;
  readonly nothingYet: string;
  readonly howToPush: string;
  readonly allDocuments: string;
  readonly knownAs: string;
  readonly whereItWas: string;
  readonly delete: string;
  readonly deleteAbout: string;
  readonly deleteThis: string;
  readonly deleteAsk: (title: string) => string;
  readonly deleteYes: string;
  readonly deleteNo: string;
  readonly deleted: (title: string) => string;
  readonly undo: string;
  readonly notDone: string;
  readonly foreignForm: string;
  readonly noDocument: string;
  readonly noDocumentAbout: string;
  readonly back: string;
}

const ENGLISH: Words = {
  lang: "en",
  progress: "Reading progress",
  signIn: "Sign in",
  signInFailed: "Sign in failed",
  signInWith: "With the name and password of your KOReader account on this server.",
  wrongLogin: "Name and password do not belong together. Please try again.",
  username: "Username",
  password: "Password",
  signedInAs: "Signed in as",
  signOut: "Sign out",
  yourDocuments: "Your documents",
  documents: (count) => `${count === 1 ? "1 document" : `${count} documents`}, those read last first`,
  book: "Book",
  read: "Read",
  device: "Device",
  when: "When",
  place: "Place",
  pages: "Pages",
  newer: "Newer",
  older: "Older",
  nothingYet: "Nothing has been synced yet. In KOReader, open a book, then",
  howToPush: "Tools › Progress sync › Push progress from this device",
  allDocuments: "All documents",
  knownAs: "Known to KOReader as",
  whereItWas: "Where it was, newest first",
  delete: "Delete",
  deleteAbout: "The position and its history go. A device that pushes again brings the document back.",
  deleteThis: "Delete this document…",
  deleteAsk: (title) => `Delete “${title}”?`,
  deleteYes: "Delete",
  deleteNo: "Keep it",
  deleted: (title) => `“${title}” was deleted.`,
  undo: "Undo",
  notDone: "This was not done",
  foreignForm: "The form did not come from a page of this server, or is too old. Nothing was changed.",
  noDocument: "No such document",
  noDocumentAbout: "It is not, or no longer, among your documents.",
  back: "Back to the beginning",
};

const GERMAN: Words = {
  lang: "de",
  progress: "Lesefortschritt",
  signIn: "Anmelden",
  signInFailed: "Anmeldung fehlgeschlagen",
  signInWith: "Mit Name und Passwort Ihres KOReader-Kontos auf diesem Server.",
  wrongLogin: "Name und Passwort gehören nicht zusammen. Bitte versuchen Sie es noch einmal.",
  username: "Benutzername",
  password: "Passwort",
  signedInAs: "Angemeldet als",
  signOut: "Abmelden",
  yourDocuments: "Ihre Dokumente",
  documents: (count) => `${count === 1 ? "1 Dokument" : `${count} Dokumente`}, zuletzt gelesene zuerst`,
  book: "Buch",
  read: "Gelesen",
  device: "Gerät",
  when: "Wann",
  place: "Stelle",
  pages: "Seiten",
  newer: "Neuere",
  older: "Ältere",
  nothingYet: "Noch ist nichts abgeglichen. Öffnen Sie in KOReader ein Buch, dann",
  howToPush: "Werkzeuge › Fortschrittsabgleich › Fortschritt von diesem Gerät senden",
  allDocuments: "Alle Dokumente",
  knownAs: "KOReader kennt es als",
  whereItWas: "Wo es war, das Neueste zuerst",
  delete: "Löschen",
  deleteAbout: "Die Stelle und ihr Verlauf gehen. Ein Gerät, das wieder sendet, bringt das Dokument zurück.",
  deleteThis: "Dieses Dokument löschen…",
  deleteAsk: (title) => `„${title}“ löschen?`,
  deleteYes: "Löschen",
  deleteNo: "Behalten",
  deleted: (title) => `„${title}“ wurde gelöscht.`,
  undo: "Rückgängig",
  notDone: "Das wurde nicht getan",
  foreignForm: "Das Formular kam nicht von einer Seite dieses Servers, oder es ist zu alt. Nichts wurde geändert.",
  noDocument: "Kein solches Dokument",
  noDocumentAbout: "Es ist nicht, oder nicht mehr, unter Ihren Dokumenten.",
  back: "Zurück zum Anfang",
};

/** German where the browser's list names it before English, else English. */
export function wordsFor(acceptLanguage: string | undefined): Words {
  const wanted = (acceptLanguage ?? "")
    .slice(0, LONGEST_LIST)
    .split(",")
    .map((entry) => {
      const [tag = "", quality = "q=1"] = entry
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/);
      return { language: tag.split("-")[0] ?? "", quality: Number(quality.replace(/^q=/, "")) };
    })
    .filter(({ language, quality }) => (language === "de" || language === "en") && quality > 0)
    // Of equal ones the first: sorting keeps their order.
    .toSorted((one, other) => other.quality - one.quality);
  return wanted[0]?.language === "de" ? GERMAN : ENGLISH;
}

/** Characters of a browser's list that are looked at. */
const LONGEST_LIST = 1000;

const STEPS = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
] as const;

/** How long ago it was: the same in each time zone, which a page without a script cannot know. Both in epoch seconds. */
export function ago(timestamp: number, now: number, { lang }: Words): string {
  const words = new Intl.RelativeTimeFormat(lang, { numeric: "auto" });
  const seconds = Math.max(0, now - timestamp);
  const [unit, length] = STEPS.find(([, one]) => seconds >= one) ?? ["second", 60];
  return words.format(-Math.floor(seconds / length), unit);
}

/** A share of 0 to 1 in whole percent; what is begun is not nothing, and what is not finished is not all. */
export function percentWords(share: number): string {
  const whole = Math.round(share * 100);
  if (whole === 0 && share > 0) return "1 %";
  return `${whole === 100 && share < 1 ? 99 : whole} %`;
}
