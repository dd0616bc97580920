"""The disk forgets what was not flushed, and nothing else."""

import os
import tempfile
import unittest
from unittest import mock

from disk import SECTOR, Disk

OLD, ONE, TWO = (bytes([byte]) * SECTOR for byte in b"012")


class Forgetting(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile()
        self.file.write(OLD * 4)
        self.file.flush()
        self.disk = Disk(self.file.name)
        self.addCleanup(self.file.close)
        self.addCleanup(os.close, self.disk.image)

    def image(self):
        with open(self.file.name, "rb") as image:
            return image.read()

    def test_what_was_written_is_read_back_and_not_yet_on_the_image(self):
        self.disk.write(SECTOR, ONE + TWO, False)

        self.assertEqual(self.disk.read(0, 4 * SECTOR), OLD + ONE + TWO + OLD)
        self.assertEqual(self.image(), OLD * 4)

    def test_a_flush_leaves_the_newest_on_the_image(self):
        self.disk.write(0, ONE, False)
        self.disk.write(0, TWO, False)
        self.disk.flush()

        self.assertEqual(self.image(), TWO + OLD * 3)
        self.assertEqual(self.disk.cache, {})

    def test_forced_access_flushes_its_own_sectors_alone(self):
        self.disk.write(0, ONE, False)
        self.disk.write(SECTOR, TWO, True)

        self.assertEqual(self.image(), OLD + TWO + OLD * 2)

    def test_a_torn_cut_leaves_any_version_of_each_sector(self):
        self.disk.write(0, ONE * 3, False)
        self.disk.write(0, TWO * 3, False)
        with mock.patch("random.randint", side_effect=[0, 1, 2]):
            self.disk.scatter()

        self.assertEqual(self.image(), OLD + ONE + TWO + OLD)


if __name__ == "__main__":
    unittest.main()
