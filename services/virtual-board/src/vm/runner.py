"""The board's interpreter: runs one job after the other for the process that started it.

Called with the process id of the board and the directory that holds the drive's files. Jobs come
in on standard input and events go out on standard error, both as frames: a letter, a length (four
bytes, big end first) and so many bytes. Standard output is what the board's code prints.
"""

import ast
import builtins
import io
import os
import signal
import struct
import sys
import types


def end_with_the_board(board):
    """Makes the kernel kill this process when the board's goes, however it goes."""
    try:
        import ctypes
    except ImportError:
        return  # the end of standard input has to do
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != board:
        os._exit(1)


class Channel:
    """Frames to and from the board."""

    def __init__(self):
        self.incoming = os.dup(0)
        self.outgoing = os.dup(2)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(1, 2)

    def take(self, count):
        taken = b""
        while len(taken) < count:
            more = os.read(self.incoming, count - len(taken))
            if not more:
                os._exit(0)
            taken += more
        return taken

    def receive(self):
        kind, length = struct.unpack(">cI", self.take(5))
        return kind, self.take(length)

    def send(self, kind, payload=b""):
        frame = struct.pack(">cI", kind, len(payload)) + payload
        while frame:
            frame = frame[os.write(self.outgoing, frame):]


class Keyboard:
    """sys.stdin: what is typed on the console."""

    encoding = "utf-8"

    def __init__(self, channel):
        self.channel = channel

    def ask(self, kind, payload=b""):
        self.channel.send(kind, payload)
        return self.channel.receive()

    def line(self, prompt=""):
        print(prompt, end="")
        kind, line = self.ask(b"L")
        if kind != b"l":
            raise EOFError
        return line.decode()

    def read(self, count=1):
        typed = b""
        while len(typed) < count:
            typed += self.ask(b"B", struct.pack(">I", count - len(typed)))[1]
        return typed.decode("utf-8", "replace")

    def readline(self):
        try:
            return self.line() + "\n"
        except EOFError:
            return ""

    def __iter__(self):
        return iter(self.readline, "")

    def readable(self):
        return True

    def isatty(self):
        return True


class Interpreter:
    """Executes jobs in one namespace and says how they ended, in CircuitPython's words."""

    def __init__(self, files, channel):
        self.files = files
        self.channel = channel
        self.running = False
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        self.namespace = main.__dict__
        signal.signal(signal.SIGINT, self.interrupt)

    def interrupt(self, _signal, _frame):
        if self.running:
            raise KeyboardInterrupt

    def run(self, kind, source):
        """The payload of the event that ends the job."""
        problem = None
        try:
            try:
                self.running = True
                # From here on a Ctrl-C is this job's.
                self.channel.send(b"S")
                exec(self.compile(kind, source), self.namespace)
            finally:
                self.running = False
        except SystemExit:
            pass
        except BaseException as raised:
            problem = raised
        self.running = False
        sys.stdout.flush()
        return self.report(problem) if problem else b""

    def compile(self, kind, source):
        if kind == b"F":
            name = source.decode()
            self.namespace["__file__"] = name
            with open(os.path.join(self.files, name), "rb") as file:
                return compile(file.read(), name, "exec", dont_inherit=True)
        if kind == b"S":
            return compile(source, "<stdin>", "single", dont_inherit=True)
        tree = compile(source, "<stdin>", "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        if kind == b"P":
            return compile(ast.Interactive(tree.body), "<stdin>", "single", dont_inherit=True)
        return compile(tree, "<stdin>", "exec", dont_inherit=True)

    def report(self, problem):
        frames = self.frames(problem)
        place = (str(frames[-1][0]), frames[-1][1]) if frames else ("", "")
        fields = (*place, type(problem).__name__, self.describe(problem))
        return "\0".join(field.replace("\0", " ") for field in fields).encode("utf-8", "replace")

    def frames(self, problem):
        """(line, file, function) from the outside in, without this file's own."""
        frames = []
        step = problem.__traceback__
        while step:
            code = step.tb_frame.f_code
            if code.co_filename != __file__ and not code.co_filename.startswith("<frozen"):
                frames.append((step.tb_lineno, self.on_the_drive(code.co_filename), code.co_name))
            step = step.tb_next
        if isinstance(problem, SyntaxError) and problem.filename:
            frames.append((problem.lineno or 0, self.on_the_drive(problem.filename), None))
        return frames

    def on_the_drive(self, path):
        inside = os.path.relpath(path, self.files) if path.startswith(self.files) else path
        return "/" + inside if os.path.dirname(inside) == "lib" else inside

    def describe(self, problem):
        before = ""
        if problem.__cause__:
            before = self.describe(problem.__cause__)
            before += "\nThe above exception was the direct cause of the following exception:\n\n"
        elif problem.__context__ and not problem.__suppress_context__:
            before = self.describe(problem.__context__)
            before += "\nDuring handling of the above exception, another exception occurred:\n\n"
        lines = "".join(
            f'  File "{file}", line {line}' + (f", in {function}\n" if function else "\n")
            for line, file, function in self.frames(problem)
        )
        if lines:
            lines = "Traceback (most recent call last):\n" + lines
        message = problem.msg if isinstance(problem, SyntaxError) else str(problem)
        return f"{before}{lines}{type(problem).__name__}: {message}\n"


def main():
    board, files = int(sys.argv[1]), sys.argv[2]
    end_with_the_board(board)
    channel = Channel()
    printed = open(1, "wb", buffering=0, closefd=False)
    sys.stdout = io.TextIOWrapper(printed, "utf-8", "backslashreplace", "\n", write_through=True)
    sys.stderr = sys.stdout
    sys.stdin = keyboard = Keyboard(channel)
    builtins.input = keyboard.line
    # sys.path[0] is where this file is; the board's files come in its place.
    sys.path[:1] = [files, os.path.join(files, "lib")]
    sys.argv = [""]
    interpreter = Interpreter(files, channel)
    while True:
        try:
            kind, source = channel.receive()
            if kind in b"FSPW":
                channel.send(b"D", interpreter.run(kind, source))
        except KeyboardInterrupt:
            # It came in the moment between a job and its end: the job's end was not told yet.
            channel.send(b"D")


main()
