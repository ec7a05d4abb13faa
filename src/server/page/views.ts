import type { HistoryEntry, StoredRecord } from "../stores/store.ts";
import { html } from "./html.ts";
import type { Html } from "./html.ts";
import type { Session } from "./session.ts";
import { STYLE_ELEMENT } from "./style.ts";
import { ago, percentWords } from "./words.ts";
import type { Words } from "./words.ts";

/** What every view needs: where the page's own paths begin, without a trailing slash, its words, and the time. */
export interface Place {
  readonly basePath: string;
  readonly words: Words;
  /** Epoch seconds. */
  readonly now: number;
}

function layout({ words }: Place, title: string, header: Html, main: Html): string {
  const page = html`<!doctype html>
    <html lang="${words.lang}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        ${{ html: STYLE_ELEMENT }}
      </head>
      <body>
        <header>${header}</header>
        <main>${main}</main>
      </body>
    </html> `;
  return page.html;
}

function time({ now, words }: Place, timestamp: number): Html {
  const iso = new Date(timestamp * 1000).toISOString();
  const exact = `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
  return html`<time datetime="${iso}" title="${exact}">${ago(timestamp, now, words)}</time>`;
}

function percent(share: number): Html {
  return html`<meter min="0" max="1" value="${share}" aria-hidden="true"></meter>${percentWords(share)}`;
}

/** What a reader would call the book: title, else file name, else the id. */
export function titleOf({ document, metadata }: StoredRecord): string {
  return metadata?.title || metadata?.filename || document;
}

function signedInHeader({ basePath, words }: Place, { username, formToken }: Session): Html {
  return html`<h1><a href="${basePath}/">${words.progress}</a></h1>
    <form method="post" action="${basePath}/page/sign-out">
      ${words.signedInAs} <strong>${username}</strong> <input type="hidden" name="token" value="${formToken}" />
      <button>${words.signOut}</button>
    </form>`;
}

/** The form for name and password; `failed` is the name with which the last try failed, null before the first. */
export function viewSignIn(place: Place, failed: string | null): string {
  const { basePath, words } = place;
  const complaint = failed === null ? null : html`<p class="bad" role="alert" id="problem">${words.wrongLogin}</p>`;
  const described = failed === null ? null : html` aria-describedby="problem"`;
  const focus = html` autofocus`;
  return layout(
    place,
    `${failed === null ? words.signIn : words.signInFailed} – ${words.progress}`,
    html`<h1>${words.progress}</h1>`,
    html`<h2>${words.signIn}</h2>
      <p>${words.signInWith}</p>
      ${complaint}
      <form method="post" action="${basePath}/page/sign-in">
        <label for="username">${words.username}</label>
        <input
          id="username"
          name="username"
          value="${failed ?? ""}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required${described}${failed === null ? focus : null}
        />
        <label for="password">${words.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required${failed === null ? null : focus}
        />
        <button>${words.signIn}</button>
      </form>`,
  );
}

function documentRow(place: Place, record: StoredRecord): Html {
  const { basePath } = place;
  const { document, metadata, percentage, device, timestamp } = record;
  const authors = metadata?.authors ? html`<br /><small>${metadata.authors}</small>` : null;
  const link = `${basePath}/page/document?id=${encodeURIComponent(document)}`;
  return html`<tr>
    <th scope="row"><a href="${link}">${titleOf(record)}</a>${authors}</th>
    <td class="number">${percent(percentage)}</td>
    <td>${device}</td>
    <td class="number">${time(place, timestamp)}</td>
  </tr> `;
}

/** Which page is shown, counted from 1, of how many, and how many documents there are in all. */
export interface ShownPage {
  readonly number: number;
  readonly pages: number;
  readonly count: number;
}

/** What was deleted last and can be put back. */
function undoForm({ basePath, words }: Place, { formToken }: Session, deleted: StoredRecord): Html {
  return html`<form class="undo" method="post" action="${basePath}/page/undo" role="status">
    ${words.deleted(titleOf(deleted))} <input type="hidden" name="token" value="${formToken}" />
    <button>${words.undo}</button>
  </form>`;
}

/** A page of the documents, as they are given; `deleted` can be put back. */
export function viewDocuments(
  place: Place,
  session: Session,
  records: readonly StoredRecord[],
  page: ShownPage,
  deleted: StoredRecord | null,
): string {
  const { words } = place;
  const link = (to: number, text: string): Html | null =>
    to < 1 || to > page.pages ? null : html`<a href="${place.basePath}/?page=${to}">${text}</a>`;
  const table = html`<table>
      <caption>
        ${words.documents(page.count)}
      </caption>
      <thead>
        <tr>
          <th scope="col">${words.book}</th>
          <th scope="col">${words.read}</th>
          <th scope="col">${words.device}</th>
          <th scope="col">${words.when}</th>
        </tr>
      </thead>
      <tbody>
        ${records.map((record) => documentRow(place, record))}
      </tbody>
    </table>
    <nav aria-label="${words.pages}">${link(page.number - 1, words.newer)} ${link(page.number + 1, words.older)}</nav>`;
  const nothing = html`<p>${words.nothingYet} <em>${words.howToPush}</em>.</p>`;
  return layout(
    place,
    words.progress,
    signedInHeader(place, session),
    html`<h2>${words.yourDocuments}</h2>
      ${deleted === null ? null : undoForm(place, session, deleted)} ${page.count === 0 ? nothing : table}`,
  );
}

function historyRow(place: Place, { percentage, device, timestamp, progress }: HistoryEntry): Html {
  return html`<tr>
    <td class="number">${time(place, timestamp)}</td>
    <td class="number">${percent(percentage)}</td>
    <td>${device}</td>
    <td class="place">${progress}</td>
  </tr> `;
}

/** One document with its history and the way to delete it. */
export function viewDocument(
  place: Place,
  session: Session,
  record: StoredRecord,
  history: readonly HistoryEntry[],
): string {
  const { metadata, document } = record;
  const { basePath, words } = place;
  const authors = metadata?.authors ? html`<p>${metadata.authors}</p>` : null;
  return layout(
    place,
    `${titleOf(record)} – ${words.progress}`,
    signedInHeader(place, session),
    html`<p><a href="${basePath}/">← ${words.allDocuments}</a></p>
      <h2>${titleOf(record)}</h2>
      ${authors}
      <p class="quiet">${words.knownAs} <code>${document}</code></p>
      <table>
        <caption>
          ${words.whereItWas}
        </caption>
        <thead>
          <tr>
            <th scope="col">${words.when}</th>
            <th scope="col">${words.read}</th>
            <th scope="col">${words.device}</th>
            <th scope="col">${words.place}</th>
          </tr>
        </thead>
        <tbody>
          ${history.map((entry) => historyRow(place, entry))}
        </tbody>
      </table>
      <section class="warning" aria-labelledby="delete">
        <h3 id="delete">${words.delete}</h3>
        <p>${words.deleteAbout}</p>
        <p><a href="${basePath}/page/delete?id=${encodeURIComponent(document)}">${words.deleteThis}</a></p>
      </section>`,
  );
}

/** Asks whether a document is to go. */
export function viewDelete(place: Place, session: Session, record: StoredRecord): string {
  const { basePath, words } = place;
  const title = words.deleteAsk(titleOf(record));
  return layout(
    place,
    title,
    signedInHeader(place, session),
    html`<h2>${title}</h2>
      <p>${words.deleteAbout}</p>
      <form method="post" action="${basePath}/page/delete">
        <input type="hidden" name="token" value="${session.formToken}" />
        <input type="hidden" name="id" value="${record.document}" />
        <button>${words.deleteYes}</button>
        <a href="${basePath}/page/document?id=${encodeURIComponent(record.document)}">${words.deleteNo}</a>
      </form>`,
  );
}

/** A page that says what is wrong. */
export function viewProblem(place: Place, title: string, sentence: string): string {
  return layout(
    place,
    title,
    html`<h1>${title}</h1>`,
    html`<p>${sentence}</p>
      <p><a href="${place.basePath}/">${place.words.back}</a></p>`,
  );
}
