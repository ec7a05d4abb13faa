import type { HistoryEntry, StoredRecord } from "../stores/store.ts";
import { html } from "./html.ts";
import type { Html } from "./html.ts";
import type { Session } from "./session.ts";
import { STYLE_ELEMENT } from "./style.ts";

/** Where the page's own paths begin, without a trailing slash. */
export interface Place {
  readonly basePath: string;
}

function layout(title: string, header: Html, main: Html): string {
  const page = html`<!doctype html>
    <html lang="en">
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

function time(timestamp: number): Html {
  const iso = new Date(timestamp * 1000).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

function percent(share: number): Html {
  const text = `${(share * 100).toFixed(1)} %`;
  return html`<meter min="0" max="1" value="${share}" aria-hidden="true"></meter>${text}`;
}

/** What a reader would call the book: title, else file name, else the id. */
export function titleOf({ document, metadata }: StoredRecord): string {
  return metadata?.title || metadata?.filename || document;
}

function signedInHeader({ basePath }: Place, { username, formToken }: Session): Html {
  return html`<h1><a href="${basePath}/">Reading progress</a></h1>
    <form method="post" action="${basePath}/page/sign-out">
      Signed in as <strong>${username}</strong> <input type="hidden" name="token" value="${formToken}" />
      <button>Sign out</button>
    </form>`;
}

/** The form for name and password; `problem` is why the last try failed. */
export function viewSignIn({ basePath }: Place, problem: string | null): string {
  const complaint = problem === null ? null : html`<p class="bad" role="alert" id="problem">${problem}</p>`;
  const described = problem === null ? null : html` aria-describedby="problem"`;
  return layout(
    problem === null ? "Sign in – reading progress" : "Sign in failed – reading progress",
    html`<h1>Reading progress</h1>`,
    html`<h2>Sign in</h2>
      <p>With the name and password of your KOReader account on this server.</p>
      ${complaint}
      <form method="post" action="${basePath}/page/sign-in">
        <label for="username">Username</label>
        <input
          id="username"
          name="username"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
          required
          autofocus${described}
        />
        <label for="password">Password</label>
        <input id="password" name="password" type="password" autocomplete="current-password" required />
        <button>Sign in</button>
      </form>`,
  );
}

function documentRow({ basePath }: Place, record: StoredRecord): Html {
  const { document, metadata, percentage, device, timestamp } = record;
  const authors = metadata?.authors ? html`<br /><small>${metadata.authors}</small>` : null;
  const link = `${basePath}/page/document?id=${encodeURIComponent(document)}`;
  return html`<tr>
    <th scope="row"><a href="${link}">${titleOf(record)}</a>${authors}</th>
    <td class="number">${percent(percentage)}</td>
    <td>${device}</td>
    <td class="number">${time(timestamp)}</td>
  </tr> `;
}

/** Which page is shown, counted from 1, of how many, and how many documents there are in all. */
export interface ShownPage {
  readonly number: number;
  readonly pages: number;
  readonly count: number;
}

/** A page of the documents, as they are given. */
export function viewDocuments(
  place: Place,
  session: Session,
  records: readonly StoredRecord[],
  page: ShownPage,
): string {
  const count = page.count === 1 ? "1 document" : `${page.count} documents`;
  const link = (to: number, text: string): Html | null =>
    to < 1 || to > page.pages ? null : html`<a href="${place.basePath}/?page=${to}">${text}</a>`;
  const table = html`<table>
      <caption>
        ${count}, those read last first
      </caption>
      <thead>
        <tr>
          <th scope="col">Book</th>
          <th scope="col">Read</th>
          <th scope="col">Device</th>
          <th scope="col">When</th>
        </tr>
      </thead>
      <tbody>
        ${records.map((record) => documentRow(place, record))}
      </tbody>
    </table>
    <nav aria-label="Pages">${link(page.number - 1, "Newer")} ${link(page.number + 1, "Older")}</nav>`;
  const nothing = html`<p>
    Nothing has been synced yet. In KOReader, open a book, then
    <em>Tools › Progress sync › Push progress from this device</em>.
  </p>`;
  return layout(
    "Reading progress",
    signedInHeader(place, session),
    html`<h2>Your documents</h2>
      ${page.count === 0 ? nothing : table}`,
  );
}

function historyRow({ percentage, device, timestamp, progress }: HistoryEntry): Html {
  return html`<tr>
    <td class="number">${time(timestamp)}</td>
    <td class="number">${percent(percentage)}</td>
    <td>${device}</td>
    <td class="place">${progress}</td>
  </tr> `;
}

/** One document with its history and the form that deletes it. */
export function viewDocument(
  place: Place,
  session: Session,
  record: StoredRecord,
  history: readonly HistoryEntry[],
): string {
  const { metadata, document } = record;
  const authors = metadata?.authors ? html`<p>${metadata.authors}</p>` : null;
  return layout(
    `${titleOf(record)} – reading progress`,
    signedInHeader(place, session),
    html`<p><a href="${place.basePath}/">← All documents</a></p>
      <h2>${titleOf(record)}</h2>
      ${authors}
      <p class="quiet">Known to KOReader as <code>${document}</code></p>
      <table>
        <caption>
          Where it was, newest first
        </caption>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Read</th>
            <th scope="col">Device</th>
            <th scope="col">Place</th>
          </tr>
        </thead>
        <tbody>
          ${history.map(historyRow)}
        </tbody>
      </table>
      <section class="warning" aria-labelledby="delete">
        <h3 id="delete">Delete</h3>
        <p>The position and its history go for good. A device that pushes again brings the document back.</p>
        <form method="post" action="${place.basePath}/page/delete">
          <input type="hidden" name="token" value="${session.formToken}" />
          <input type="hidden" name="id" value="${document}" />
          <button>Delete this document</button>
        </form>
      </section>`,
  );
}

/** A page that says what is wrong. */
export function viewProblem({ basePath }: Place, title: string, sentence: string): string {
  return layout(
    title,
    html`<h1>${title}</h1>`,
    html`<p>${sentence}</p>
      <p><a href="${basePath}/">Back to the beginning</a></p>`,
  );
}
