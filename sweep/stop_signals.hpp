#pragma once

namespace sweep {

/// Makes INT, TERM and USR1 ask this process to stop instead of ending it.
void catch_stop_signals();

/// The last such signal that came, or 0. The supervisor passes on all of them as USR1.
int stop_signal();

/// As if that signal had come here: another rank was told to stop.
void remember_stop_signal(int signal);

}  // namespace sweep
