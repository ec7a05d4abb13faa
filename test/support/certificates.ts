import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

export interface Certificate {
  key: string;
  cert: string;
  /** Where the certificate lies, as PEM. */
  path: string;
  /** SHA-256, lowercase hex. */
  sha256: string;
}

/** Makes real certificates with OpenSSL in a folder of the test's own. */
export function createCertificates(folder: string): {
  selfSigned(name: string, host?: string): Certificate;
  authority(name: string): Certificate;
  signedBy(authority: Certificate, name: string, days?: number): Certificate;
} {
  const openssl = (command: string): void => {
    execFileSync("openssl", command.split(" "), { cwd: folder, stdio: ["ignore", "ignore", "pipe"], timeout: 30_000 });
  };

  function read(name: string): Certificate {
    const path = join(folder, `${name}.pem`);
    const cert = readFileSync(path, "utf8");
    const sha256 = new X509Certificate(cert).fingerprint256.replaceAll(":", "").toLowerCase();
    return { key: readFileSync(join(folder, `${name}.key`), "utf8"), cert, path, sha256 };
  }

  const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

  return {
    selfSigned(name, host = "IP:127.0.0.1") {
      const output = `-keyout ${name}.key -out ${name}.pem -days 30`;
      openssl(`req -x509 ${newKey} ${output} -subj /CN=${name} -addext subjectAltName=${host}`);
      return read(name);
    },
    authority(name) {
      const output = `-keyout ${name}.key -out ${name}.pem -days 30`;
      openssl(`req -x509 ${newKey} ${output} -subj /CN=${name} -addext basicConstraints=critical,CA:TRUE`);
      return read(name);
    },
    signedBy(authority, name, days = 30) {
      const by = basename(authority.path, ".pem");
      openssl(`req ${newKey} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
      writeFileSync(join(folder, `${name}.ext`), "subjectAltName=IP:127.0.0.1\n");
      const signing = `-CA ${by}.pem -CAkey ${by}.key -set_serial 7 -days ${days} -extfile ${name}.ext`;
      openssl(`x509 -req -in ${name}.csr ${signing} -out ${name}.pem`);
      return read(name);
    },
  };
}
