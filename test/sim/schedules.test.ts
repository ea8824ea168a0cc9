import { testSchedules } from "../fixtures/schedules.ts";

testSchedules([5, 6, 7, 8, 9]);
