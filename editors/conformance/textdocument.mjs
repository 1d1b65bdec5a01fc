// Applies edit scripts as other implementations do, for lsp/document's
// differential test.
//
// Standard input has a JSON object a line:
//
//   {"encoding": "utf-16", "text": "...", "changes": [[{range?, text}, ...], ...]}
//
// one script of notifications, each with its content changes in the protocol's
// shape. Standard output gets a JSON array a line: of each notification the text
// after it, as the first 12 digits of its SHA-1, or as it is with "full": true.
//
// utf-16 is what the package vscode-languageserver-textdocument makes of it. It has
// no other encodings: for utf-8 and utf-32 the columns are converted here, in a way
// that shares nothing with Lacuna's, and the package does the rest.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { TextDocument } from "vscode-languageserver-textdocument";

const EOL = /\r\n|\n|\r/g;

// The UTF-16 column of a column of line, which is its content without the end.
function column16(line, column, encoding) {
  let units = 0;
  let utf16 = 0;
  for (const character of line) {
    units += encoding === "utf-8" ? Buffer.byteLength(character) : 1;
    if (units > column) return utf16;
    utf16 += character.length;
  }
  return utf16;
}

// A position inside a surrogate pair means its start (docs/protocol.md); the package
// would cut the pair in two, which no text in UTF-8 can say.
function whole(line, column) {
  const low = line.charCodeAt(column) & 0xfc00;
  const high = line.charCodeAt(column - 1) & 0xfc00;
  return low === 0xdc00 && high === 0xd800 ? column - 1 : column;
}

function position(document, { line, character }, encoding) {
  if (line >= document.lineCount) return { line, character };
  const content = document.getText().split(EOL)[line];
  character = encoding === "utf-16" ? whole(content, character) : column16(content, character, encoding);
  return { line, character };
}

function apply(document, change, encoding) {
  if (change.range === undefined) return TextDocument.update(document, [change], 0);
  const range = {
    start: position(document, change.range.start, encoding),
    end: position(document, change.range.end, encoding),
  };
  TextDocument.update(document, [{ range, text: change.text }], 0);
  // The package's line index goes wrong where an edit joins a \r and a \n to one line
  // end, or parts them: it looks at the inserted text alone. A full change makes the
  // index anew, so that edits are compared and not that.
  return TextDocument.update(document, [{ text: document.getText() }], 0);
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const { encoding, text, changes, full } = JSON.parse(line);
  const document = TextDocument.create("file:///a", "plaintext", 0, text);
  const out = changes.map((notification) => {
    for (const change of notification) apply(document, change, encoding);
    const now = document.getText();
    return full ? now : createHash("sha1").update(now).digest("hex").slice(0, 12);
  });
  process.stdout.write(JSON.stringify(out) + "\n");
}
