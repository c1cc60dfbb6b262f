"""Runs the real AWS CLI many times in one process: lines of JSON in, lines of JSON out. Starting Python anew for each would take most of the time."""

import json
import os
import sys
import tempfile
import traceback

from awscli.clidriver import create_clidriver


def run(driver, args):
    with tempfile.TemporaryFile() as said:
        code = 255
        kept = [os.dup(1), os.dup(2)]
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
        try:
            code = driver.main(args)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os.dup2(kept[0], 1)
            os.dup2(kept[1], 2)
            for one in kept:
                os.close(one)
        said.seek(0)
        return code, said.read().decode(errors="replace")


driver, made_for = None, None
for line in sys.stdin:
    order = json.loads(line)
    os.environ.update(order["environment"])
    os.chdir(order["folder"])
    # Making one costs as much as a command; it keeps credentials, so other ones need another.
    if made_for != order["environment"]:
        driver, made_for = create_clidriver(), order["environment"]
    code, said = run(driver, order["args"])
    print(json.dumps({"code": code, "said": said}), flush=True)
