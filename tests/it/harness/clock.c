/*
 * A clock that is ahead: a library that a test loads into a process (LD_PRELOAD), so that what years
 * do to an installation is seen with the real program.
 *
 *   HVELV_CLOCK_AHEAD_S  how many seconds the time of day is ahead
 *
 * Only the time of day moves; clocks that measure how long something takes do not.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
    int done = (int)syscall(SYS_clock_gettime, clock, time);
    const char *ahead = getenv("HVELV_CLOCK_AHEAD_S");
    if (done == 0 && clock == CLOCK_REALTIME && ahead)
        time->tv_sec += atoll(ahead);
    return done;
}
