# The far end of `files`: runs under python3 in a Pod that mounts volumes, and does to files what it is told over its
# standard input. Every message is a frame whose length and digest are known before its content is believed, so
# that a stream that is cut does nothing. A file is written under a temporary name, synced, read back, and only then
# given its name; what was there before stays as it was until then. Symbolic links are never followed.
#
# Frame: "MBF1", sequence number (4), length of the head (4), length of the body (8), SHA-256 of these numbers, the
# head and the body (32); then the head, a JSON object, and the body. Numbers are big-endian.
# Python 3.8 or later, standard library only.

import errno
import hashlib
import json
import os
import stat
import struct
import sys
import time

PREFIX = struct.Struct(">4sIIQ32s")
NUMBERS = struct.Struct(">IIQ")
MAGIC = b"MBF1"
HEAD_LIMIT = 256 << 10
CHUNK = 1 << 20
WALK = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

KINDS = {
    errno.ENOENT: "absent",
    errno.EEXIST: "exists",
    errno.EISDIR: "is_directory",
    errno.ENOTDIR: "not_a_directory",
    errno.ENOTEMPTY: "not_empty",
    errno.ELOOP: "symlink",
    errno.ENOSPC: "no_space",
    errno.EDQUOT: "no_space",
    errno.EFBIG: "no_space",
    errno.EROFS: "read_only",
    errno.EACCES: "denied",
    errno.EPERM: "denied",
    errno.EBUSY: "busy",
}


class Refused(Exception):
    """An operation that was not done, with the reason as a word."""

    def __init__(self, kind, message, **more):
        super().__init__(message)
        self.kind = kind
        self.more = more


class Cut(Exception):
    """The conversation is over in the middle."""


class Conversation:
    def __init__(self, source, sink):
        self.source = source
        self.sink = sink
        self.sequence = 0
        self.body_limit = 64 << 20
        self.spoken = time.monotonic()

    def exactly(self, count):
        data = self.source.read(count)
        if len(data) != count:
            raise Cut("the input ends in the middle of a frame")
        return data

    def receive(self):
        prefix = self.source.read(PREFIX.size)
        if not prefix:
            return None
        if len(prefix) != PREFIX.size:
            raise Cut("the input ends in the middle of a frame")
        magic, sequence, head_size, body_size, digest = PREFIX.unpack(prefix)
        if magic != MAGIC or head_size > HEAD_LIMIT or body_size > self.body_limit:
            raise Cut("this is no frame")
        head = self.exactly(head_size)
        body = self.exactly(body_size)
        if hashlib.sha256(NUMBERS.pack(sequence, head_size, body_size) + head + body).digest() != digest:
            raise Cut("a frame is damaged")
        if sequence != self.sequence:
            raise Cut("a frame is missing")
        return json.loads(head.decode("utf-8")), body

    def send(self, head, body=b""):
        head = json.dumps(head, ensure_ascii=True).encode("ascii")
        numbers = (self.sequence, len(head), len(body))
        digest = hashlib.sha256(NUMBERS.pack(*numbers) + head + body).digest()
        self.sink.write(PREFIX.pack(MAGIC, *numbers, digest) + head + body)
        self.sink.flush()
        self.spoken = time.monotonic()

    def still_at_it(self, done):
        if time.monotonic() - self.spoken > 1:
            self.send({"progress": done})


def shown(name):
    """A name as text, and whether that text is the whole truth."""
    raw = os.fsencode(name)
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        return raw.decode("utf-8", "backslashreplace"), False


def describe(found):
    mode = found.st_mode
    if stat.S_ISREG(mode):
        kind = "file"
    elif stat.S_ISDIR(mode):
        kind = "directory"
    elif stat.S_ISLNK(mode):
        kind = "symlink"
    else:
        kind = "other"
    return {
        "kind": kind,
        "size": found.st_size,
        "mode": stat.S_IMODE(mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "mtime_ns": found.st_mtime_ns,
    }


class Volumes:
    def __init__(self, conversation, roots):
        self.conversation = conversation
        self.roots = roots

    # ---- finding ------------------------------------------------------------------------------------------------

    def parts(self, path):
        if not isinstance(path, str) or "\0" in path or len(path) > 4096:
            raise Refused("invalid", "not a path")
        parts = path.split("/") if path else []
        for part in parts:
            if part in ("", ".", "..") or len(os.fsencode(part)) > 255:
                raise Refused("invalid", "a path has to be relative and plain: %r" % path)
        return parts

    def enter(self, root, parts, make=False):
        """A descriptor of a directory, reached without following any link."""
        if root not in self.roots:
            raise Refused("invalid", "there is no root named %r" % root)
        here = os.open(self.roots[root], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in parts:
                try:
                    below = os.open(part, WALK, dir_fd=here)
                except FileNotFoundError:
                    if not make:
                        raise
                    os.mkdir(part, 0o755, dir_fd=here)
                    os.fsync(here)
                    below = os.open(part, WALK, dir_fd=here)
                except OSError:
                    found = self.look(here, part)
                    if found and stat.S_ISLNK(found.st_mode):
                        raise Refused("symlink", "%s is a symbolic link" % part)
                    raise
                os.close(here)
                here = below
        except BaseException:
            os.close(here)
            raise
        return here

    def parent(self, root, path, make=False):
        parts = self.parts(path)
        if not parts:
            raise Refused("invalid", "this is the volume itself")
        return self.enter(root, parts[:-1], make), parts[-1]

    def look(self, here, name):
        try:
            return os.stat(name, dir_fd=here, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open_file(self, here, name):
        """A regular file, for reading."""
        found = os.stat(name, dir_fd=here, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            raise Refused("symlink", "%s is a symbolic link" % name)
        if stat.S_ISDIR(found.st_mode):
            raise Refused("is_directory", "%s is a directory" % name)
        if not stat.S_ISREG(found.st_mode):
            raise Refused("not_a_file", "%s is not a regular file" % name)
        handle = os.open(name, LOOK, dir_fd=here)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Refused("not_a_file", "%s is not a regular file" % name)
        return handle

    def digest_of(self, handle):
        digest = hashlib.sha256()
        size = 0
        os.lseek(handle, 0, os.SEEK_SET)
        while True:
            data = os.read(handle, CHUNK)
            if not data:
                return digest.hexdigest(), size
            digest.update(data)
            size += len(data)
            self.conversation.still_at_it(size)

    def digest_at(self, here, name):
        handle = self.open_file(here, name)
        try:
            return self.digest_of(handle)[0]
        finally:
            os.close(handle)

    # ---- operations ---------------------------------------------------------------------------------------------

    def stat(self, task, body):
        parts = self.parts(task["path"])
        try:
            here = self.enter(task["root"], parts[:-1])
        except FileNotFoundError:
            return {"kind": "absent"}, b""
        try:
            found = self.look(here, parts[-1]) if parts else os.fstat(here)
            if not found:
                return {"kind": "absent"}, b""
            answer = describe(found)
            if answer["kind"] == "file" and task.get("digest"):
                answer["sha256"] = self.digest_at(here, parts[-1])
            if answer["kind"] == "directory":
                inside = self.enter(task["root"], parts)
                try:
                    with os.scandir(inside) as entries:
                        answer["empty"] = next(entries, None) is None
                finally:
                    os.close(inside)
            return answer, b""
        finally:
            os.close(here)

    def list(self, task, body):
        limit = int(task["limit"])
        entries = []
        left = [self.parts(task["path"])]
        complete = True
        while left and complete:
            parts = left.pop()
            here = self.enter(task["root"], parts)
            try:
                for name in sorted(os.listdir(here)):
                    found = self.look(here, name)
                    if not found:
                        continue
                    if len(entries) >= limit:
                        complete = False
                        break
                    answer = describe(found)
                    answer["path"], answer["exact"] = shown("/".join(parts + [name]))
                    entries.append(answer)
                    if task.get("deep") and answer["kind"] == "directory" and answer["exact"]:
                        left.append(parts + [name])
            finally:
                os.close(here)
            self.conversation.still_at_it(len(entries))
        return {"complete": complete}, json.dumps(entries, ensure_ascii=True).encode("ascii")

    def read(self, task, body):
        here, name = self.parent(task["root"], task["path"])
        try:
            handle = self.open_file(here, name)
        finally:
            os.close(here)
        try:
            found = os.fstat(handle)
            limit = int(task["limit"])
            data = b""
            while len(data) <= limit:
                more = os.read(handle, min(CHUNK, limit + 1 - len(data)))
                if not more:
                    break
                data += more
            if len(data) > limit:
                raise Refused("too_large", "%d bytes, more than %d" % (max(found.st_size, len(data)), limit))
            answer = describe(found)
            answer["size"] = len(data)
            answer["sha256"] = hashlib.sha256(data).hexdigest()
            return answer, data
        finally:
            os.close(handle)

    def write(self, task, body):
        digest = hashlib.sha256(body).hexdigest()
        if digest != task["sha256"] or len(body) != task["size"]:
            raise Refused("verify", "the content did not arrive as it was sent")
        here, name = self.parent(task["root"], task["path"], bool(task.get("parents")))
        try:
            old = self.target(here, name, task)
            before = self.digest_at(here, name) if old else None
            if before == digest and self.kept(old, task):
                return dict(describe(old), sha256=digest, created=False, unchanged=True), b""
            # What is there already is what was to be written: an attempt before this one got so far.
            if before != digest:
                self.expect(task.get("expect"), before)

            def fill(handle):
                view = memoryview(body)
                while view:
                    written = os.write(handle, view[:CHUNK])
                    view = view[written:]
                    self.conversation.still_at_it(len(body) - len(view))

            found = self.place(here, name, old, before, task, fill, digest)
            return dict(describe(found), sha256=digest, created=old is None, unchanged=False), b""
        finally:
            os.close(here)

    def copy(self, task, body):
        source_here, source_name = self.parent(task["root"], task["path"])
        try:
            source = self.open_file(source_here, source_name)
        finally:
            os.close(source_here)
        try:
            original = os.fstat(source)
            digest, size = self.digest_of(source)
            self.expect(task.get("source"), digest)
            here, name = self.parent(task["to_root"], task["to"], bool(task.get("parents")))
            try:
                old = self.target(here, name, task)
                before = self.digest_at(here, name) if old else None
                if before == digest:
                    return dict(describe(old), sha256=digest, created=False, unchanged=True), b""
                self.expect(task.get("expect"), before)
                owner = dict(task, mode=stat.S_IMODE(original.st_mode), uid=original.st_uid, gid=original.st_gid)

                def fill(handle):
                    os.lseek(source, 0, os.SEEK_SET)
                    done = 0
                    while True:
                        data = os.read(source, CHUNK)
                        if not data:
                            break
                        view = memoryview(data)
                        while view:
                            view = view[os.write(handle, view) :]
                        done += len(data)
                        self.conversation.still_at_it(done)
                    os.utime(handle, ns=(original.st_atime_ns, original.st_mtime_ns))

                found = self.place(here, name, old, before, owner, fill, digest)
                return dict(describe(found), sha256=digest, created=old is None, unchanged=False), b""
            finally:
                os.close(here)
        finally:
            os.close(source)

    def make_directory(self, task, body):
        parts = self.parts(task["path"])
        here = self.enter(task["root"], parts[:-1], bool(task.get("parents")))
        try:
            made = False
            if parts and not self.look(here, parts[-1]):
                os.mkdir(parts[-1], 0o755, dir_fd=here)
                made = True
                inside = os.open(parts[-1], WALK, dir_fd=here)
                try:
                    if task.get("uid") is not None or task.get("gid") is not None:
                        os.fchown(inside, self.number(task, "uid", -1), self.number(task, "gid", -1))
                    if task.get("mode") is not None:
                        os.fchmod(inside, task["mode"])
                finally:
                    os.close(inside)
                os.fsync(here)
        finally:
            os.close(here)
        inside = self.enter(task["root"], parts)
        try:
            return dict(describe(os.fstat(inside)), created=made), b""
        finally:
            os.close(inside)

    def remove(self, task, body):
        here, name = self.parent(task["root"], task["path"])
        try:
            found = self.look(here, name)
            if not found:
                return {"removed": False}, b""
            if stat.S_ISDIR(found.st_mode):
                if not task.get("directory"):
                    raise Refused("is_directory", "%s is a directory" % name)
                os.rmdir(name, dir_fd=here)
            else:
                if task.get("directory"):
                    raise Refused("not_a_directory", "%s is not a directory" % name)
                self.expect(task.get("expect"), self.digest_at(here, name))
                os.unlink(name, dir_fd=here)
            os.fsync(here)
            return {"removed": True}, b""
        finally:
            os.close(here)

    def space(self, task, body):
        here = self.enter(task["root"], self.parts(task["path"]))
        try:
            found = os.fstatvfs(here)
            return {
                "total": found.f_frsize * found.f_blocks,
                "free": found.f_frsize * found.f_bavail,
                "files_free": found.f_favail,
                "read_only": bool(found.f_flag & os.ST_RDONLY),
            }, b""
        finally:
            os.close(here)

    # ---- writing ------------------------------------------------------------------------------------------------

    @staticmethod
    def number(task, key, otherwise):
        value = task.get(key)
        return otherwise if value is None else int(value)

    def kept(self, old, task):
        """Whether mode and owner are as wanted."""
        return (
            stat.S_IMODE(old.st_mode) == self.number(task, "mode", stat.S_IMODE(old.st_mode))
            and old.st_uid == self.number(task, "uid", old.st_uid)
            and old.st_gid == self.number(task, "gid", old.st_gid)
        )

    def target(self, here, name, task):
        """What stands where a file is to be; a directory is removed if that is asked for and it is empty."""
        old = self.look(here, name)
        if old is None or stat.S_ISREG(old.st_mode):
            return old
        if stat.S_ISLNK(old.st_mode):
            raise Refused("symlink", "%s is a symbolic link" % name)
        if not stat.S_ISDIR(old.st_mode):
            raise Refused("not_a_file", "%s is not a regular file" % name)
        if not task.get("replace_empty_directory"):
            raise Refused("is_directory", "%s is a directory" % name)
        os.rmdir(name, dir_fd=here)
        os.fsync(here)
        return None

    @staticmethod
    def expect(expected, digest):
        if expected is None:
            return
        if expected == "absent" and digest is not None:
            raise Refused("changed", "a file is there", sha256=digest)
        if expected != "absent" and digest != expected:
            raise Refused("changed", "the file is not the one expected", sha256=digest)

    def place(self, here, name, old, before, task, fill, digest):
        """Puts a file in place as a whole or not at all."""
        stem = os.fsdecode(b"." + os.fsencode(name)[:200] + b".maibot-")
        for stale in os.listdir(here):
            if stale.startswith(stem) and stale.endswith(".tmp"):
                os.unlink(stale, dir_fd=here)
        temporary = stem + os.urandom(8).hex() + ".tmp"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o600, dir_fd=here)
        try:
            mine = os.fstat(handle)
            uid = self.number(task, "uid", old.st_uid if old else mine.st_uid)
            gid = self.number(task, "gid", old.st_gid if old else mine.st_gid)
            if (uid, gid) != (mine.st_uid, mine.st_gid):
                os.fchown(handle, uid, gid)
            os.fchmod(handle, self.number(task, "mode", stat.S_IMODE(old.st_mode) if old else 0o644))
            fill(handle)
            os.fsync(handle)
            if self.digest_of(handle)[0] != digest:
                raise Refused("verify", "what was written reads back differently")
            self.unmoved(here, name, old, before)
            if old:
                os.rename(temporary, name, src_dir_fd=here, dst_dir_fd=here)
            else:
                self.name_it(here, temporary, name)
            temporary = None
        finally:
            os.close(handle)
            if temporary:
                try:
                    os.unlink(temporary, dir_fd=here)
                except OSError:
                    pass
        os.fsync(here)
        if self.digest_at(here, name) != digest:
            raise Refused("verify", "what was put in place reads back differently")
        return os.stat(name, dir_fd=here, follow_symlinks=False)

    def unmoved(self, here, name, old, before):
        """Whether what was there is still there, so that nobody's work is written over."""
        now = self.look(here, name)
        if old is None:
            if now is not None:
                raise Refused("changed", "a file has appeared meanwhile")
            return
        same = now is not None and (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns) == (
            old.st_ino,
            old.st_size,
            old.st_mtime_ns,
            old.st_ctime_ns,
        )
        if not same:
            digest = self.digest_at(here, name) if now is not None else None
            if digest != before:
                raise Refused("changed", "the file has changed meanwhile", sha256=digest)

    @staticmethod
    def name_it(here, temporary, name):
        """Gives a new file its name without replacing anything."""
        try:
            os.link(temporary, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
        except FileExistsError:
            raise Refused("changed", "a file has appeared meanwhile")
        except OSError:
            # A file system without hard links.
            os.rename(temporary, name, src_dir_fd=here, dst_dir_fd=here)
        else:
            os.unlink(temporary, dir_fd=here)


def answer(volumes, task, body):
    operations = {
        "stat": volumes.stat,
        "list": volumes.list,
        "read": volumes.read,
        "write": volumes.write,
        "copy": volumes.copy,
        "make_directory": volumes.make_directory,
        "remove": volumes.remove,
        "space": volumes.space,
    }
    try:
        operation = operations.get(task.get("do"))
        if not operation:
            raise Refused("invalid", "no such operation")
        head, body = operation(task, body)
        if len(body) > volumes.conversation.body_limit:
            raise Refused("too_large", "the answer has %d bytes" % len(body))
        return dict(head, ok=True), body
    except Refused as refusal:
        return dict(refusal.more, ok=False, error=refusal.kind, message=str(refusal)), b""
    except OSError as error:
        kind = KINDS.get(error.errno, "io")
        message = "%s (%s)" % (error.strerror, errno.errorcode.get(error.errno, error.errno))
        return {"ok": False, "error": kind, "message": message}, b""


def serve():
    conversation = Conversation(sys.stdin.buffer, sys.stdout.buffer)
    hello = conversation.receive()
    if hello is None:
        return
    conversation.body_limit = int(hello[0]["body_limit"])
    volumes = Volumes(conversation, dict(hello[0]["roots"]))
    conversation.send({"ok": True, "python": sys.version.split()[0], "uid": os.geteuid()})
    while True:
        conversation.sequence += 1
        message = conversation.receive()
        if message is None:
            raise Cut("the input ends before the conversation")
        if message[0].get("do") == "end":
            conversation.send({"ok": True, "operations": conversation.sequence - 1})
            # Whoever leaves first may take the last words along: wait until they were heard.
            conversation.sequence += 1
            conversation.receive()
            return
        conversation.send(*answer(volumes, *message))


try:
    serve()
except Cut as cut:
    sys.exit("maibot agent: %s" % cut)
except BrokenPipeError:
    os._exit(5)
