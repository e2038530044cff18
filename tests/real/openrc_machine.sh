# A root directory with OpenRC, in mount and pid namespaces of its own, and commands in it:
#
#   unshare --mount --pid --fork --kill-child --propagation=private \
#     sh openrc_machine.sh DIRECTORY OPENRC COMMANDS
#
# In DIRECTORY are `bin`, what is to be in /usr/local/bin inside; `service`, the script that is to
# be the service "worker"; and the empty `root`, on which is mounted. OPENRC is where the packages
# of OpenRC are unpacked, or empty where they are installed. What COMMANDS start ends with them:
# they are process 1.
set -e
directory=$1
openrc=$2
commands=$3

# What this machine has there, and OpenRC, by links: no directory of the machine is written to.
merge() {
  mkdir "$1"
  ln -s "/usr/$1"/* "$1"
  for entry in "openrc/$1"/* "openrc/usr/$1"/*; do
    if test -e "$entry" && ! test -h "$1/${entry##*/}"; then ln -s "/$entry" "$1"; fi
  done
}

mount -t tmpfs -o mode=755 none "$directory/root"
cd "$directory/root"
mkdir dev etc openrc proc run tmp usr var
test -z "$openrc" || cp -R "$openrc/." openrc
mount -o bind /usr usr
mount -t tmpfs -o mode=755 none usr/local/bin
cp "$directory"/bin/* usr/local/bin
mount -o remount,bind,ro usr
for name in bin lib sbin; do merge $name; done
ln -s usr/lib64 lib64
mount -t proc proc proc
mount -o bind /dev dev
for name in run tmp var; do mount -t tmpfs -o mode=755 none "$name"; done

mkdir etc/init.d etc/conf.d etc/insserv.conf.d
cp "$directory/service" etc/init.d/worker
chmod 755 etc/init.d/worker
cp "$openrc/etc/rc.conf" etc
: > etc/insserv.conf  # as the directory: Debian's OpenRC reads them
echo 'root:x:0:0::/root:/bin/sh' > etc/passwd
echo 'nobody:x:65534:65534::/:/usr/sbin/nologin' >> etc/passwd
printf 'root:x:0:\nnogroup:x:65534:\n' > etc/group
printf '%s: files\n' passwd group > etc/nsswitch.conf
{
  find openrc -name 'lib*.so.*' -exec dirname '/{}' ';'
  cat /etc/ld.so.conf.d/* 2> /dev/null | grep '^/' || true
} > etc/ld.so.conf
ldconfig -r .

# As openrc(8) makes them when the machine boots, before any service.
for name in daemons exclusive failed hotplugged inactive init.d options scheduled started starting \
  stopping tmp wasinactive; do
  mkdir -p "run/openrc/$name"
done
echo default > run/openrc/softlevel

exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin chroot . /bin/sh -c "$commands"
