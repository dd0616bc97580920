"""The judge finds each kind of broken promise, and none where there is none."""

import json
import unittest

from judge import Judge

PREFIX = "tidegate/vm/gw"


class Story:
    """Reports as plant.py makes them; the clock is the story's."""

    def __init__(self, is_committed_first=True):
        self.judge = Judge(is_committed_first)
        self.packets = 0

    def boot(self, epoch, previous=(), store="s"):
        self.judge.begin(epoch)
        self.judge.run.window = 1
        state = {"state": "online", "store": store, "epoch": epoch, "previous": list(previous)}
        self.take(f"sent 1 0 {PREFIX}/state {json.dumps(state)}")
        return self

    def serve(self, *values, at=0):
        for value in values:
            self.take(f"served 1 0 1 {value}", at)
        return self

    def send(self, epoch, seq, *values, is_acked=True, stream="data", **fields):
        readings = [{"device": "unit-1", "point": "v0", "value": value} for value in values]
        body = {"store": "s", "epoch": epoch, "stream": stream, "seq": seq, "readings": readings, **fields}
        self.packets += 1
        self.take(f"sent 1 {self.packets} {PREFIX}/{stream} {json.dumps(body)}")
        if is_acked:
            self.take(f"acked 1 {self.packets}")
        return self

    def cut(self, at):
        self.judge.run.cut = at
        return self

    def take(self, line, at=0):
        self.judge.take(line.encode(), at)

    def verdict(self):
        return self.judge.verdict()


class Judgement(unittest.TestCase):
    def assert_broken(self, story, kind):
        broken = story.verdict().broken
        self.assertEqual([promise.split(":")[0] for promise in broken], [kind], broken)

    def test_a_backlog_that_comes_after_the_cut_was_kept(self):
        story = Story().boot(1).serve(1, 2).send(1, 1, 1).cut(3)
        verdict = story.boot(2, [{"epoch": 1, "data": 2}]).send(1, 2, 2).send(2, 1, 9).verdict()
        self.assertTrue(verdict.is_good())
        self.assertEqual((verdict.served, verdict.kept), (2, 1))

    def test_a_reading_that_never_comes_is_lost_when_it_is_older_than_the_window(self):
        story = Story().boot(1).serve(1).serve(2, at=2).cut(3)
        verdict = story.boot(2, [{"epoch": 1}]).send(2, 1, 9).verdict()
        self.assertEqual((verdict.lost, verdict.within), ([3], [1]))

    def test_what_was_sent_and_not_acknowledged_is_not_delivered(self):
        story = Story().boot(1).serve(1).send(1, 1, 1, is_acked=False).cut(3)
        self.assertEqual(story.boot(2, [{"epoch": 1}]).verdict().lost, [3])

    def test_an_id_with_two_contents_is_found_also_when_neither_was_acknowledged(self):
        story = Story().boot(1).serve(1).send(1, 1, 1, is_acked=False).cut(1)
        self.assert_broken(story.boot(2, [{"epoch": 1, "data": 1}]).send(1, 1, 2), "rewritten")

    def test_a_reading_under_two_ids_is_found(self):
        story = Story().boot(1).serve(1).send(1, 1, 1).cut(1)
        self.assert_broken(story.boot(2, [{"epoch": 1, "data": 1}]).send(2, 1, 1), "doubled")

    def test_a_delivered_message_that_the_store_no_longer_has_is_found_where_commits_come_first(self):
        def story(is_committed_first):
            before = Story(is_committed_first).boot(1).serve(1).send(1, 1, 1).send(1, 2, 2).cut(1)
            return before.boot(2, [{"epoch": 1, "data": 1}])

        self.assert_broken(story(True), "rolled back")
        self.assertTrue(story(False).verdict().is_good())

    def test_a_missing_number_is_found_unless_a_gap_names_it(self):
        def story():
            return Story().boot(1).serve(1).cut(1).boot(2, [{"epoch": 1, "data": 1}])

        self.assert_broken(story(), "missing")
        self.assertFalse(story().send(2, 1, 9).judge.is_drained())
        gap = {"epoch": 1, "stream": "data", "from": 1, "to": 1}
        explained = story().send(2, 1, stream="event", gap=gap).send(2, 1, 9)
        self.assertTrue(explained.judge.is_drained())
        self.assertTrue(explained.verdict().is_good())

    def test_an_epoch_that_is_given_twice_and_a_new_store_are_found(self):
        self.assert_broken(Story().boot(1).serve(1).cut(1).boot(1), "again")
        self.assert_broken(Story().boot(1).serve(1).cut(1).boot(1, store="other"), "again")

    def test_a_cut_long_after_the_last_answer_shows_nothing(self):
        story = Story().boot(1).serve(1).send(1, 1, 1).cut(9)
        self.assert_broken(story.boot(2, [{"epoch": 1, "data": 1}]), "silent")


if __name__ == "__main__":
    unittest.main()
