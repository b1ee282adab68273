import json

import numpy as np

from glassnet import EpochEnded, Finished, Network, Started, Stepped, train
from glassnet.runs import event_data


def test_every_event_carries_its_checkpoint_and_becomes_json(few):
    data, validation = few
    for event in train(Network.random((784, 4, 10)), data, validation=validation, epochs=1, batch_size=100, every=2):
        told = json.loads(json.dumps(event_data(event)))
        assert told["step"] == event.checkpoint.memory.step
        assert told["at"] == [event.checkpoint.epoch, event.checkpoint.example]
        match event:
            case Started():
                assert (told["event"], told["examples"]) == ("started", 500)
                assert told["settings"] == event.checkpoint.settings.to_data()
            case Stepped():
                assert told["event"] == "stepped"
                assert told["cost"] == float(np.mean(event.costs))
            case EpochEnded():
                assert told["event"] == "epoch"
                assert told["validation_accuracy"] == event.validation.accuracy
            case Finished():
                assert (told["event"], told["reason"]) == ("finished", "epochs")
