import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("pytorch_lightning", reason="needs Lightning")
pytest.importorskip("tensorboard", reason="needs TensorBoard")

from tests.training.corpora import write_corpus  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpus"))
