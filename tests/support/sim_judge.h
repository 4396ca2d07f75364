/*
 * sim_judge.h - the part of sim_rooms that is called while a list of members is read.
 */
#ifndef SUPPORT_SIM_JUDGE_H
#define SUPPORT_SIM_JUDGE_H

#include "support/sim_rooms.h"

/* A list of members must name exactly those that are there; it is asked for when all is quiet. */
void sim_judge_members(struct sim_visit *visit, const struct sim_said *said);

#endif
