// A port that a service of a test listens on.
#ifndef CLEANFORK_TESTS_REAL_LISTEN_ON_LOOPBACK_H_
#define CLEANFORK_TESTS_REAL_LISTEN_ON_LOOPBACK_H_

namespace cleanfork {

// Listens on 127.0.0.1 until the process ends, also where one that has ended did a moment ago.
bool ListenOnLoopback(int port);

}  // namespace cleanfork

#endif  // CLEANFORK_TESTS_REAL_LISTEN_ON_LOOPBACK_H_
