-- A draft that broke no rule, but whose judge failed, is judged again by itself, with growing pauses.
ALTER TABLE held ADD COLUMN tries int NOT NULL DEFAULT 1,
                 -- Null where a person has to put something right first.
                 ADD COLUMN judge_again_at timestamptz;
CREATE INDEX held_judge_again ON held (judge_again_at) WHERE judge_again_at IS NOT NULL;
