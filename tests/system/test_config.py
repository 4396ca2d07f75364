"""Options from flags, environment and file: what is wrong is named, with what to do."""

import pathlib
import subprocess
import tempfile
import unittest

from belfry_test import DEADLINE, binary, clean_environment


class Config(unittest.TestCase):
    def run_it(self, *arguments, env=(), file=None):
        with tempfile.TemporaryDirectory() as folder:
            arguments = list(arguments)
            if file is not None:
                path = pathlib.Path(folder) / "belfry.yaml"
                path.write_text(file)
                arguments += ["--config", str(path)]
            done = subprocess.run([binary(), *arguments], capture_output=True, text=True,
                                  timeout=DEADLINE, cwd=folder,
                                  env={**clean_environment(), **dict(env)})
        return done.returncode, done.stdout, done.stderr

    def assert_refused(self, *words, arguments=(), **how):
        status, out, err = self.run_it("serve", *arguments, **how)
        self.assertNotEqual(status, 0)
        self.assertGreater(status, 0, "ended by a signal")
        for word in words:
            self.assertIn(word, out + err)

    def test_version_and_help(self):
        status, out, _ = self.run_it("--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"belfry \d+\.\d+")
        status, out, _ = self.run_it("serve", "--help")
        self.assertEqual(status, 0)
        self.assertIn("--max-queue-bytes", out)

    def test_an_unknown_flag_names_the_nearest(self):
        self.assert_refused("--max-queue-bytes", arguments=["--max-queue-byte", "1M"])

    def test_an_unknown_key_names_the_nearest_and_the_line(self):
        self.assert_refused("max_queue_bytes", "2", file="workers: 1\nmax_queue_byts: 1M\n")

    def test_an_unknown_variable_is_refused(self):
        self.assert_refused("BELFRY_MAX_QUEUE_BYTES", env={"BELFRY_MAX_QUEUE_BYTE": "1M"})

    def test_values_out_of_bounds_name_the_bounds(self):
        self.assert_refused("workers", "64", arguments=["--workers", "65"])
        self.assert_refused("workers", arguments=["--workers", "-1"])
        self.assert_refused("workers", arguments=["--workers", "two"])
        self.assert_refused("max_message_bytes", file="max_message_bytes: 2G\n")

    def test_a_wrong_unit(self):
        self.assert_refused("ping", arguments=["--ping-interval-ms", "10parsecs"])

    def test_a_wrong_choice_lists_them(self):
        self.assert_refused("drop-newest", arguments=["--slow-policy", "drop-newst"])

    def test_a_wrong_address(self):
        self.assert_refused("nonsense", arguments=["--listen", "nonsense"])
        self.assert_refused("99999", arguments=["--listen", "127.0.0.1:99999"])

    def test_broken_yaml_names_the_line(self):
        self.assert_refused("2", file="workers: 1\nlisten: ]\n")

    def test_missing_files_are_named(self):
        self.assert_refused("/no/such/file", arguments=["--config", "/no/such/file.yaml"])
        self.assert_refused("/no/such/cert", arguments=["--tls-cert", "/no/such/cert.pem",
                                                        "--tls-key", "/no/such/key.pem"])
        self.assert_refused("tls_key", arguments=["--tls-cert", "/etc/hostname"])

    def test_check_refuses_what_serve_refuses(self):
        for arguments, words in ((["--transports", "foo"], ["transports", "foo"]),
                                 (["--cookie", "a b;"], ["cookie", "a b;"]),
                                 (["--origins", "garbage"], ["origins", "garbage"]),
                                 (["--tls-cert", "/etc/hostname"], ["tls_key"])):
            status, _, err = self.run_it("serve", *arguments)
            self.assertEqual(status, 2, err)
            status, _, checked = self.run_it("check", *arguments)
            self.assertEqual(status, 1, checked)
            self.assertEqual(err, checked)
            for word in words:
                self.assertIn(word, err)
        status, _, err = self.run_it("check", "--client-dir", "/no/such/folder")
        self.assertEqual(status, 1)
        self.assertIn("client_dir: /no/such/folder", err)
        status, out, _ = self.run_it("check", "--origins", "*", "--cors-credentials")
        self.assertEqual(status, 0)
        self.assertIn("note  cors_credentials: ", out)

    def test_an_unknown_command(self):
        status, out, err = self.run_it("sevre")
        self.assertNotEqual(status, 0)
        self.assertIn("serve", out + err)
