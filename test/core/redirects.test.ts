import { describe, expect, test } from "vitest";
import { isLoginPage, isSameSite, redirectTarget } from "../../src/core/redirects.ts";

const url = (text: string): URL => new URL(text);

describe("a redirect is followed with the login", () => {
  test.each([
    ["to another path", "https://books.example/x", "https://books.example/x/"],
    ["with a port of its own", "http://nas:8081/", "http://nas:8081/kosync/"],
    ["from http to https", "http://books.example/", "https://books.example/"],
    ["from http to https, ports named", "http://books.example:80/", "https://books.example:443/"],
    ["to www.", "https://books.example/", "https://www.books.example/"],
    ["from www.", "https://www.books.example/", "https://books.example/"],
    ["to https and www. at once", "http://books.example/", "https://www.books.example/"],
    ["to https on the same port", "http://books.example:8443/", "https://books.example:8443/"],
  ])("%s", (_name, from, to) => {
    expect(isSameSite(url(from), url(to))).toBe(true);
  });
});

describe("a redirect is not followed", () => {
  test.each([
    ["from https to http", "https://books.example/", "http://books.example/"],
    ["to another host", "https://books.example/", "https://other.example/"],
    ["to a host below", "https://books.example/", "https://login.books.example/"],
    ["to a host above", "https://books.nas.example/", "https://nas.example/"],
    ["to a name that only begins alike", "https://books.example/", "https://books.example.evil.example/"],
    ["to www. of another name", "https://books.example/", "https://www.other.example/"],
    ["to another port", "http://books.example:8081/", "http://books.example:8082/"],
    ["to another port of https", "http://books.example/", "https://books.example:8443/"],
    ["from a port of its own to https", "http://books.example:8081/", "https://books.example/"],
    ["to no web address", "http://books.example/", "ftp://books.example/"],
  ])("%s", (_name, from, to) => {
    expect(isSameSite(url(from), url(to))).toBe(false);
  });
});

describe("what is a redirect", () => {
  const asked = url("https://books.example/users/auth");
  test.each([301, 302, 303, 307, 308])("%i of a GET", (status) => {
    expect(redirectTarget({ status, location: "/x" }, "GET", asked)?.href).toBe("https://books.example/x");
  });

  test.each([
    [200, "/x", "GET"],
    [304, "/x", "GET"],
    [302, null, "GET"],
    [302, "http://", "GET"],
    [303, "/x", "PUT"],
  ])("%i to %s of a %s is none", (status, location, method) => {
    expect(redirectTarget({ status, location }, method, asked)).toBeNull();
  });
});

describe("a login page in front of a server", () => {
  const asked = url("https://books.example/kosync");
  test.each([
    "https://auth.example/",
    "https://example.cloudflareaccess.com/cdn-cgi/access/login/books.example?kid=1",
    "https://sso.example/realms/home/protocol/openid-connect/auth?client_id=proxy",
    "https://books.example/login?next=%2Fkosync%2Fusers%2Fauth",
    "https://id.example/?rd=https%3A%2F%2Fbooks.example%2Fkosync%2Fusers%2Fauth",
    "https://10.0.0.1/guest/s/default/?url=http%3A%2F%2Fbooks.example%2F",
  ])("%s", (to) => {
    expect(isLoginPage(url(to), asked)).toBe(true);
  });

  test.each([
    "https://new.example/kosync/users/auth",
    "https://books.example:8443/users/auth",
    "https://library.example/",
    "https://authors.example/kosync/users/auth",
  ])("%s is none", (to) => {
    expect(isLoginPage(url(to), asked)).toBe(false);
  });
});
