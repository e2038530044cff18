# A systemd as process 1 of namespaces of its own. What the machine outside gets to see of it is a
# cgroup, which is gone when this script ends; it ends when systemd does, and kills that when its
# own standard input has come to its end: so the machine does not outlive the test.
#
#   unshare --mount --cgroup --propagation=private sh systemd_machine.sh keep DIRECTORY
#
# In a cgroup namespace: from outside of all of them a mount of cgroup2 without options takes away
# those of the machine (cgroups(7)).
#
# In DIRECTORY are `bin`, what the machine has in /usr/local/bin; `said`, a fifo that is /run/said
# inside; and the empty `root` and `cgroup`, on which is mounted. The first line in `said` is
# "process 1 is PID", the second "booted", the last one "ended".
set -e
directory=$2
group=

keep() {
  exec 3<&0
  trap 'test -z "$group" || find "$group" -depth -type d -exec rmdir {} \;
        echo ended 1<> "$directory/said"' EXIT
  # Wherever this machine has its own: a cgroup of version 2 is all that systemd asks for.
  mount -t cgroup2 none "$directory/cgroup"
  own=$directory/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)/cleanfork_test.$$
  mkdir "$own"
  group=$own
  sh -ec 'echo $$ > "$1/cgroup.procs"; shift; exec "$@"' enter "$group" \
    unshare --pid --fork --kill-child --mount --propagation=private --uts --ipc --net --cgroup \
    sh "$0" boot "$directory" < /dev/null &
  machine=$!
  # Process 1 itself: what waits for that ends when every process of the namespace has.
  { read -r _ || kill -KILL "$(cat "$directory/pid" || echo "$machine")"; } <&3 &
  watcher=$!
  wait "$machine" || true
  kill "$watcher" || true
}

# All that is written to is a tmpfs. From the machine outside come /usr, and that read-only.
make_root() {
  mount -t tmpfs -o mode=755 none "$1"
  cd "$1"
  mkdir dev etc old proc root run sys tmp units usr var
  for name in bin lib lib32 lib64 libx32 sbin; do
    if [ -h "/$name" ]; then
      cp -P "/$name" "$name"
    elif [ -d "/$name" ]; then
      mkdir "$name"
      mount -o bind "/$name" "$name"
      mount -o remount,bind,ro "$name"
    fi
  done
  mount -o bind /usr usr
  mount -t tmpfs -o mode=755 none usr/local/bin
  cp "$directory"/bin/* usr/local/bin
  mount -o remount,bind,ro usr

  mount -t proc proc proc
  # What is in there is for the most part not of a namespace.
  mount -o bind proc/sys proc/sys
  mount -o remount,bind,ro proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 none sys/fs/cgroup
  # A mount of its own: else systemd mounts the devices of the machine outside there.
  mount -t tmpfs -o mode=755 none dev
  for device in full null random urandom zero; do
    : > "dev/$device"
    mount -o bind "/dev/$device" "dev/$device"
  done
  ln -s /proc/self/fd dev/fd
  mkdir dev/shm
  mount -t tmpfs none dev/shm
  for name in run tmp var; do mount -t tmpfs -o mode=755 none "$name"; done
  mkdir var/log var/tmp
  chmod 1777 tmp var/tmp dev/shm
  : > run/said
  mount -o bind "$directory/said" run/said
}

# Targets of our own in the place of the machine's, which would start what is installed there.
write_etc() {
  mkdir -p etc/systemd/system
  cp /etc/ld.so.cache etc
  echo 'root:x:0:0::/root:/bin/sh' > etc/passwd
  echo 'nobody:x:65534:65534::/:/usr/sbin/nologin' >> etc/passwd
  printf 'root:x:0:\nnogroup:x:65534:\n' > etc/group
  printf '%s: files systemd\n' passwd group > etc/nsswitch.conf
  echo 0123456789abcdef0123456789abcdef > etc/machine-id
  for type in service socket; do cp "usr/lib/systemd/system/systemd-journald.$type" units; done
  printf '[Unit]\nWants=systemd-journald.socket systemd-journald.service\n' > units/sysinit.target
  printf '[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n' > units/basic.target
  printf '[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=booted.service\n' \
    > units/multi-user.target
  printf '[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo booted > /run/said"\n' \
    > units/booted.service
}

boot() {
  # Still as the machine outside counts.
  read -r pid _ < /proc/self/stat
  echo "$pid" > "$directory/pid.new"
  mv "$directory/pid.new" "$directory/pid"  # all of it, or nothing
  make_root "$directory/root"
  write_etc
  pivot_root . old
  umount -l old
  rmdir old
  echo "process 1 is $pid" 1<> /run/said
  # The capabilities left out are those over what no namespace has for itself.
  exec setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-syslog \
    env -i container=cleanfork_test PATH=/usr/local/bin:/usr/bin:/bin \
    SYSTEMD_UNIT_PATH=/etc/systemd/system:/units SYSTEMD_GENERATOR_PATH=/nowhere \
    /lib/systemd/systemd --unit=multi-user.target --show-status=no
}

"$1"
