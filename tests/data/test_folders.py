"""Folders of images, with classes and without."""

import numpy as np
import pytest
from data_files import put, put_images
from PIL import Image

from glassnet import as_input, load, open_image
from glassnet.data.pictures import Pictures, whole
from glassnet.errors import WrongFile


def test_a_folder_of_images_for_each_class(tmp_path):
    rows = put_images(tmp_path)
    put(tmp_path / "a" / "notes.txt", b"no image")
    put(tmp_path / "a" / ".hidden.png", b"no image")
    put(tmp_path / ".git" / "x.png", b"no image")
    splits = load(tmp_path, validation=0)
    assert splits.train.classes == ("a", "b")
    assert splits.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(splits.train.inputs, rows, atol=1e-6)
    assert (splits.validation, splits.test) == (None, None)


@pytest.mark.parametrize("how", [Pictures(12), Pictures(20, center=False)])
def test_images_become_inputs_as_asked(tmp_path, how):
    put_images(tmp_path / "train")
    put_images(tmp_path / "test", each=1)
    splits = load(tmp_path, pictures=how, validation=0)
    assert splits.pictures == how
    assert splits.train.inputs.shape == (6, how.side**2)
    first = open_image(tmp_path / "test" / "a" / "0.png")
    expected = as_input(first, how.side) if how.center else whole(first, how.side)
    np.testing.assert_allclose(splits.test.inputs[0], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["validation", "val", "valid", "Val"])
def test_folders_of_images_for_each_part(tmp_path, name):
    rows = [put_images(tmp_path / part, seed=seed) for seed, part in enumerate(("train", "test", name))]
    splits = load(tmp_path)
    for part, inputs in zip((splits.train, splits.test, splits.validation), rows, strict=True):
        assert part.classes == ("a", "b")
        np.testing.assert_allclose(part.inputs, inputs, atol=1e-6)


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "bus"):
        put_images(tmp_path, [name])
    assert load(tmp_path).train.classes == ("bus", "train")


def test_wrong_folders_of_images_are_refused(tmp_path):
    with pytest.raises(WrongFile, match=r"holds neither IDX files .* nor a subfolder of images for each class"):
        load(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(WrongFile, match=r"has no images \(\.png, .*\) in its subfolders"):
        load(tmp_path)
    put_images(tmp_path, "a")
    with pytest.raises(WrongFile, match="all examples are of one class"):
        load(tmp_path)
    put_images(tmp_path / "train", "ab")
    put_images(tmp_path / "test", "abc")
    for name in "a":
        for path in (tmp_path / name).iterdir():
            path.unlink()
        (tmp_path / name).rmdir()
    with pytest.raises(WrongFile, match="label 'c' is not one of the 2 classes a, b"):
        load(tmp_path)


@pytest.mark.parametrize("body", [b"no image", None])
def test_a_wrong_image_in_a_folder_is_named(tmp_path, body):
    put_images(tmp_path)
    Image.new("L", (9, 9), 255).save(tmp_path / "a" / "wrong.png")
    if body:
        put(tmp_path / "a" / "wrong.png", body)
    with pytest.raises(WrongFile, match=r"wrong\.png.* (is not an image|the image is blank)"):
        load(tmp_path)
