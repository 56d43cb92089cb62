"""Runs test classes of a Python suite, one at a time, each in a process of its own.

Usage: suite.py PACKAGE
Writes one JSON document per line to the file descriptor 3.  First {"classes": {class: [test ids]}}.  Then, for every line
read from standard input that names a class, one {"test": id, "outcome": ..., "seconds": ..., "why": ...} per test as it ends,
and {"done": class}.  Everything else that is printed goes to standard error.
"""
import json
import os
import re
import sys
import time
import traceback
import unittest

SYSTEM_PACKAGES = '/usr/lib/python3/dist-packages'
LONGEST_REASON = 4000
report = os.fdopen(3, 'w', buffering=1)


def say(**document):
    report.write(json.dumps(document) + '\n')
    report.flush()


def plain(test):
    """tempest appends [id-...,tags] to the ids of its tests."""
    return re.sub(r'\[[^\]]*\]', '', test.id())


def class_of(test):
    kind = type(test)
    name = '%s.%s' % (kind.__module__, kind.__qualname__)
    return plain(test) if name == 'unittest.loader._FailedTest' else name


def leaves(suite):
    if hasattr(suite, '__iter__'):
        for part in suite:
            yield from leaves(part)
    else:
        yield suite


class Told(unittest.TestResult):
    """Tells of each outcome at once: what ends badly later does not take it back."""

    def __init__(self, ids):
        super().__init__()
        self.ids = set(ids)
        self.began = {}

    def startTest(self, test):
        super().startTest(test)
        self.began[plain(test)] = time.monotonic()

    def tell(self, test, outcome, why=''):
        name = plain(test)
        if name in self.ids:
            spent = time.monotonic() - self.began.get(name, time.monotonic())
            say(test=name, outcome=outcome, seconds=round(spent, 2), why=why[-LONGEST_REASON:])
            self.ids.discard(name) if outcome == 'failed' else None
        elif name.startswith('setUpClass'):
            # A class that cannot begin: all its tests end so.
            for one in sorted(self.ids):
                say(test=one, outcome=outcome, seconds=0, why=('setUpClass: ' + why)[-LONGEST_REASON:])

    def addSuccess(self, test):
        self.tell(test, 'passed')

    def addExpectedFailure(self, test, err):
        self.tell(test, 'passed')

    def addUnexpectedSuccess(self, test):
        self.tell(test, 'failed', 'passed, and was expected to fail')

    def addSkip(self, test, reason):
        self.tell(test, 'skipped', str(reason))

    def addFailure(self, test, err):
        self.tell(test, 'failed', ''.join(traceback.format_exception(*err)))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(test, err)


def do_not_wait_for_agents():
    """tempest's client waits ten seconds before each deletion of a subnet, which would be most of the time that a run takes."""
    client = sys.modules.get('tempest.lib.services.network.subnets_client')
    if client is not None and hasattr(client, 'time'):
        client.time = type('NoTime', (), {'sleep': staticmethod(lambda seconds: None), 'time': staticmethod(time.time)})


def main():
    package = sys.argv[1]
    sys.path.insert(0, SYSTEM_PACKAGES)
    module = __import__(package, fromlist=['_'])
    folder = os.path.dirname(module.__file__)
    classes = {}
    for test in leaves(unittest.TestLoader().discover(folder, top_level_dir=SYSTEM_PACKAGES)):
        classes.setdefault(class_of(test), []).append(test)
    do_not_wait_for_agents()
    say(classes={name: [plain(test) for test in tests] for name, tests in classes.items()})
    for line in sys.stdin:
        name = line.strip()
        child = os.fork()
        if child == 0:
            tests = classes[name]
            unittest.TestSuite(tests).run(Told([plain(test) for test in tests]))
            os._exit(0)
        os.waitpid(child, 0)
        say(done=name)


main()
